/**
 * Models and seeded rows of the shapes of two well-known sample databases, a trader's (Northwind)
 * and a music shop's (Chinook), for tests. All of it is made up.
 */
import {
  bigint,
  blob,
  boolean,
  type Column,
  enumeration,
  integer,
  json,
  many,
  manyThrough,
  numeric,
  one,
  real,
  Schema,
  type Session,
  sql,
  table,
  text,
  timestamp,
} from "../mod.ts";

export const categories = table("categories", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
  description: text(),
});
export const suppliers = table("suppliers", {
  id: integer().primaryKey(),
  company: text().notNull(),
  country: text().notNull(),
  homepage: text(),
}, (t) => ({ indexes: [{ columns: [t.country] }] }));
export const customers = table("customers", {
  id: text().primaryKey(),
  company: text().notNull(),
  city: text(),
  country: text().notNull(),
  kind: enumeration("retail", "wholesale").notNull().default("retail"),
  profile: json<
    { tags: string[]; score: number; address: { zip: string; floor: number | null } }
  >(),
  deletedAt: timestamp(),
}, (t) => ({ softDelete: t.deletedAt, indexes: [{ columns: [t.country, t.city] }] }));
export const employees = table("employees", {
  id: integer().primaryKey(),
  firstName: text().notNull().named("first_name"),
  lastName: text().notNull().named("last_name"),
  hired: timestamp().notNull(),
  reportsTo: integer().named("reports_to").references((): Column => employees.id),
  photo: blob(),
});
export const products = table("products", {
  id: integer().primaryKey(),
  name: text().notNull(),
  supplierId: integer().notNull().references(() => suppliers.id),
  categoryId: integer().references(() => categories.id, { onDelete: "set null" }),
  unitPrice: numeric().notNull(),
  weight: real(),
  stock: integer().notNull().default(0).check(sql`stock >= ${0}`),
  discontinued: boolean().notNull().default(false),
  barcode: bigint(),
  revision: integer().notNull().default(1),
}, (t) => ({ version: t.revision, uniques: [[t.name, t.supplierId]] }));
export const orders = table("orders", {
  id: integer().primaryKey(),
  customerId: text().references(() => customers.id),
  employeeId: integer().references(() => employees.id),
  orderedAt: timestamp().notNull(),
  shippedAt: timestamp(),
  freight: numeric().notNull().default("0"),
}, (t) => ({ indexes: [{ columns: [t.customerId] }, { columns: [t.orderedAt] }] }));
export const details = table("order_details", {
  orderId: integer().notNull().references(() => orders.id, { onDelete: "cascade" }),
  productId: integer().notNull().references(() => products.id),
  cents: integer().notNull(),
  quantity: integer().notNull(),
  total: integer().generatedAs(sql`cents * quantity`, { stored: true }),
}, (t) => ({
  primaryKey: [t.orderId, t.productId],
  checks: { some_quantity: sql`quantity > ${0}` },
}));

export const artists = table("artists", {
  id: integer().primaryKey(),
  name: text().notNull(),
});
export const albums = table("albums", {
  id: integer().primaryKey(),
  title: text().notNull(),
  artistId: integer().notNull().references(() => artists.id),
});
export const tracks = table("tracks", {
  id: integer().primaryKey(),
  name: text().notNull(),
  albumId: integer().references(() => albums.id),
  milliseconds: integer().notNull(),
  bytes: bigint(),
  price: numeric().notNull(),
});
export const playlists = table("playlists", {
  id: integer().primaryKey(),
  name: text().notNull(),
});
export const playlistTracks = table("playlist_tracks", {
  playlistId: integer().notNull().references(() => playlists.id),
  trackId: integer().notNull().references(() => tracks.id),
}, (t) => ({ primaryKey: [t.playlistId, t.trackId] }));

/** All tables, each after those that it points at. */
export const sampleTables = [
  categories,
  suppliers,
  customers,
  employees,
  products,
  orders,
  details,
  artists,
  albums,
  tracks,
  playlists,
  playlistTracks,
] as const;

export const sampleSchema = new Schema({
  categories,
  suppliers,
  customers,
  employees,
  products,
  orders,
  details,
  artists,
  albums,
  tracks,
  playlists,
  playlistTracks,
}, {
  customers: { orders: many("orders", { from: "id", to: "customerId" }) },
  employees: {
    chief: one("employees", { from: "reportsTo", to: "id" }),
    reports: many("employees", { from: "id", to: "reportsTo" }),
  },
  products: {
    supplier: one("suppliers", { from: "supplierId", to: "id" }),
    category: one("categories", { from: "categoryId", to: "id" }),
  },
  orders: {
    customer: one("customers", { from: "customerId", to: "id" }),
    details: many("details", { from: "id", to: "orderId" }),
  },
  details: { product: one("products", { from: "productId", to: "id" }) },
  artists: { albums: many("albums", { from: "id", to: "artistId" }) },
  albums: { tracks: many("tracks", { from: "id", to: "albumId" }) },
  playlists: {
    tracks: manyThrough("tracks", {
      from: "id",
      through: "playlistTracks",
      throughFrom: "playlistId",
      throughTo: "trackId",
      to: "id",
    }),
  },
});

/** Whole numbers below a bound, the same for the same seed. */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

const WORDS =
  "Amber Birch Cedar Dune Ember Fjord Grove Harbor Iris Juniper Kestrel Lumen Moor Nimbus"
    .split(" ");
const COUNTRIES = ["Brazil", "Finland", "Germany", "Österreich", "日本", "USA"];

/** Makes the tables and fills them; `size` customers, and all else in proportion. */
export async function fillSample(db: Session, seed: number, size = 30): Promise<void> {
  const pick = numbers(seed);
  const word = () => WORDS[pick(WORDS.length)]!;
  const day = (from: number) => new Date(Date.UTC(2020 + from, pick(12), 1 + pick(28), pick(24)));
  await db.createTables(...sampleTables);
  await db.insert(categories).values(
    ["Drinks", "Grain", "Fish", "Fruit", "Sweets"].map((name, index) => ({
      name,
      description: index % 2 === 0 ? `All ${name.toLowerCase()}, 100% "fresh"` : null,
    })),
  ).run();
  await db.insert(suppliers).values(Array.from({ length: 9 }, (_, index) => ({
    company: `${word()} & ${word()} ${index}`,
    country: COUNTRIES[pick(COUNTRIES.length)]!,
    homepage: pick(2) === 0 ? null : `https://example.org/${index}`,
  }))).run();
  await db.insert(customers).values(Array.from({ length: size }, (_, index) => ({
    id: `C${String(index).padStart(4, "0")}`,
    company: `${word()} ${word()}'s`,
    city: pick(5) === 0 ? null : word(),
    country: COUNTRIES[pick(COUNTRIES.length)]!,
    kind: pick(3) === 0 ? "wholesale" as const : "retail" as const,
    profile: pick(6) === 0 ? null : {
      tags: [word(), word()],
      score: pick(40) / 4,
      address: { zip: String(10_000 + pick(90_000)), floor: pick(2) === 0 ? null : pick(9) },
    },
    deletedAt: pick(10) === 0 ? day(5) : null,
  }))).run();
  await db.insert(employees).values(Array.from({ length: 9 }, (_, index) => ({
    firstName: word(),
    lastName: word(),
    hired: day(0),
    reportsTo: index === 0 ? null : 1 + pick(index),
    photo: pick(2) === 0 ? null : new Uint8Array([index, 0, 255, pick(256)]),
  }))).run();
  await db.insert(products).values(Array.from({ length: size }, (_, index) => ({
    name: `${word()} ${index}`,
    supplierId: 1 + pick(9),
    categoryId: pick(7) === 0 ? null : 1 + pick(5),
    unitPrice: `${pick(120)}.${pick(10)}${pick(10)}`,
    weight: pick(4) === 0 ? null : pick(64) / 8,
    stock: pick(100),
    discontinued: pick(8) === 0,
    barcode: pick(3) === 0 ? null : 2n ** 62n + BigInt(pick(1_000)),
  }))).run();
  const count = size * 4;
  await db.insert(orders).values(Array.from({ length: count }, () => {
    const orderedAt = day(1 + pick(4));
    return {
      customerId: pick(20) === 0 ? null : `C${String(pick(size)).padStart(4, "0")}`,
      employeeId: 1 + pick(9),
      orderedAt,
      shippedAt: pick(9) === 0 ? null : new Date(orderedAt.valueOf() + pick(20) * 86_400_000),
      freight: `${pick(300)}.${pick(10)}`,
    };
  })).run();
  const lines = Array.from({ length: count }, (_, index) => {
    const first = pick(size);
    return Array.from({ length: 1 + pick(4) }, (_, line) => ({
      orderId: index + 1,
      productId: 1 + (first + line * 7) % size,
      cents: 100 + pick(5_000),
      quantity: 1 + pick(20),
    }));
  });
  await db.insert(details).values(lines.flat()).run();
  await db.insert(artists).values(
    Array.from({ length: 8 }, (_, index) => ({ name: `The ${word()}s ${index}` })),
  ).run();
  await db.insert(albums).values(
    Array.from({ length: 20 }, () => ({ title: `${word()} ${word()}`, artistId: 1 + pick(8) })),
  ).run();
  await db.insert(tracks).values(Array.from({ length: size * 4 }, () => ({
    name: `${word()} ${word()} ${word()}`,
    albumId: pick(15) === 0 ? null : 1 + pick(20),
    milliseconds: 60_000 + pick(400_000),
    bytes: pick(5) === 0 ? null : 2n ** 40n * BigInt(1 + pick(9)),
    price: pick(2) === 0 ? "0.99" : "1.290",
  }))).run();
  await db.insert(playlists).values(["Morning", "Evening", "Empty"].map((name) => ({ name })))
    .run();
  const pairs = new Map<string, { playlistId: number; trackId: number }>();
  for (let index = 0; index < size; index++) {
    const pair = { playlistId: 1 + pick(2), trackId: 1 + pick(size * 4) };
    pairs.set(`${pair.playlistId} ${pair.trackId}`, pair);
  }
  await db.insert(playlistTracks).values([...pairs.values()]).run();
}
