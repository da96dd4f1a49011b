import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  asc,
  type Database,
  DatabaseError,
  desc,
  integer,
  like,
  many,
  manyThrough,
  memory,
  one,
  Schema,
  table,
  text,
} from "./mod.ts";

const artists = table("artists", { id: integer().primaryKey(), name: text().notNull() });
const albums = table("albums", {
  id: integer().primaryKey(),
  artistId: integer().references(() => artists.id),
  title: text().notNull(),
});
const tracks = table("tracks", {
  id: integer().primaryKey(),
  albumId: integer().notNull(),
  name: text().notNull(),
});
const genres = table("genres", { id: integer().primaryKey(), name: text().notNull() });
const albumGenres = table("album_genres", {
  albumId: integer().notNull(),
  genreId: integer().notNull(),
}, (t) => ({ primaryKey: [t.albumId, t.genreId] }));

const schema = new Schema({ artists, albums, tracks, genres, albumGenres }, {
  artists: { albums: many("albums", { from: "id", to: "artistId" }) },
  albums: {
    artist: one("artists", { from: "artistId", to: "id" }),
    tracks: many("tracks", { from: "id", to: "albumId" }),
    genres: manyThrough("genres", {
      from: "id",
      through: "albumGenres",
      throughFrom: "albumId",
      throughTo: "genreId",
      to: "id",
    }),
  },
});

async function filled(statements: string[] = []): Promise<Database> {
  const db = memory({ log: ({ text }) => statements.push(text) });
  for (const one of [artists, albums, tracks, genres, albumGenres]) await db.createTable(one);
  await db.insert(artists).values([{ name: "A" }, { name: "B" }]).run();
  await db.insert(albums).values([
    { artistId: 1, title: "a1" },
    { artistId: 1, title: "a2" },
    { artistId: null, title: "none" },
  ]).run();
  await db.insert(tracks).values(
    [1, 2, 3].flatMap((albumId) => ["x", "y", "z"].map((name) => ({ albumId, name }))),
  ).run();
  await db.insert(genres).values([{ name: "rock" }, { name: "jazz" }]).run();
  await db.insert(albumGenres).values([
    { albumId: 1, genreId: 1 },
    { albumId: 1, genreId: 2 },
    { albumId: 2, genreId: 2 },
  ]).run();
  statements.length = 0;
  return db;
}

Deno.test("`Schema.find()` reads three levels with one statement a relation", async () => {
  const statements: string[] = [];
  await using db = await filled(statements);
  const found = await schema.find(db, "artists", {
    orderBy: [asc(artists.id)],
    with: {
      albums: {
        with: { tracks: { orderBy: [desc(tracks.id)], limit: 2 }, genres: true, artist: true },
      },
    },
  });
  assertEquals(statements.length, 5);
  const [first, second] = found;
  assertEquals(second, { id: 2, name: "B", albums: [] });
  const album = first!.albums[0]!;
  const artistName: string | undefined = album.artist?.name;
  assertEquals(artistName, "A");
  assertEquals(album.tracks.map((track) => track.id), [3, 2]);
  assertEquals(first!.albums[1]!.tracks.map((track) => track.id), [6, 5]);
  assertEquals(album.genres, [{ id: 1, name: "rock" }, { id: 2, name: "jazz" }]);
});

Deno.test("`Schema.find()` gives null for a missing relation, and filters", async () => {
  await using db = await filled();
  const found = await schema.find(db, "albums", {
    orderBy: [desc(albums.id)],
    limit: 1,
    with: { artist: true, tracks: { where: like(tracks.name, "y") }, genres: { offset: 1 } },
  });
  assertEquals(found, [{
    id: 3,
    artistId: null,
    title: "none",
    artist: null,
    tracks: [{ id: 8, albumId: 3, name: "y" }],
    genres: [],
  }]);
});

Deno.test("`Schema.load()` adds relations to rows that are there", async () => {
  await using db = await filled();
  const rows = await db.select().from(albums).find();
  const loaded = await schema.load(db, "albums", rows, { genres: true });
  assertEquals(loaded.map((album) => album.genres.length), [2, 1, 0]);
  assertEquals((await schema.first(db, "artists", { with: { albums: true } }))?.albums.length, 2);
});

Deno.test("`Schema.related()` reads what is asked for together by one statement", async () => {
  const statements: string[] = [];
  await using db = await filled(statements);
  const rows = await db.select().from(albums).orderBy(asc(albums.id)).find();
  statements.length = 0;
  const options = { orderBy: [desc(tracks.name)], limit: 1 } as const;
  const [names, found] = await Promise.all([
    Promise.all(rows.map(async (album) => {
      const artist = await schema.related(db, "albums", album, "artist");
      return artist === null ? null : artist.name;
    })),
    Promise.all(rows.map((album) => schema.related(db, "albums", album, "tracks", options))),
  ]);
  assertEquals(names, ["A", "A", null]);
  assertEquals(found.map((list) => list.map((track) => track.id)), [[3], [6], [9]]);
  assertEquals(statements.length, 2);
  assertEquals(Object.keys(rows[0]!), ["id", "artistId", "title"]);
  await assertRejects(
    () => schema.related(db, "albums", rows[0]!, "nothing" as "artist"),
    DatabaseError,
  );
});

Deno.test("`Schema` refuses what does not exist", async () => {
  await using db = await filled();
  assertThrows(
    () => new Schema({ artists }, { artists: { x: one("artists", { from: "no", to: "id" }) } }),
    DatabaseError,
  );
  assertThrows(
    () => new Schema({ artists }, { artists: { name: one("artists", { from: "id", to: "id" }) } }),
    DatabaseError,
  );
  // @ts-expect-error there is no such relation
  await assertRejects(() => schema.find(db, "artists", { with: { nothing: true } }), DatabaseError);
});
