/** What the compiler infers; the assertions fail the type check rather than the run. */
import { assertEquals } from "@std/assert";
import {
  alias,
  asc,
  blob,
  boolean,
  type ColumnBuilder,
  eq,
  type FindOptions,
  type Include,
  type InferInsert,
  type InferSelect,
  type InferUpdate,
  integer,
  json,
  type Loaded,
  many,
  manyThrough,
  memory,
  one,
  type RelationMap,
  type RelationNames,
  Schema,
  type Sql,
  sql,
  type Table,
  table,
  type TableBase,
  type TargetOf,
  text,
  timestamp,
} from "./mod.ts";

/** Whether two types are one and the same, optional and readonly members included. */
type Same<A, B> = (<X>() => X extends Flat<A> ? 1 : 2) extends (<X>() => X extends Flat<B> ? 1 : 2)
  ? true
  : false;

/** The type with every intersection written out, to any depth, and nothing readonly. */
type Flat<A> = A extends Date | Uint8Array | Sql ? A
  : A extends object ? { -readonly [K in keyof A]: Flat<A[K]> }
  : A;

function same<A, B>(..._answer: Same<A, B> extends true ? [] : [never]): void {}

const users = table("users", {
  id: integer().primaryKey(),
  name: text().notNull(),
  born: timestamp(),
  tags: json<string[]>(),
  active: boolean().notNull().default(true),
  initial: text().generatedAs(sql`substr(name, 1, 1)`),
});
const posts = table("posts", {
  id: integer().primaryKey(),
  authorId: integer().notNull(),
  body: blob(),
});
const groups = table("groups", { id: integer().primaryKey(), title: text().notNull() });
const members = table("members", { userId: integer().notNull(), groupId: integer().notNull() });
const schema = new Schema({ users, posts, groups, members }, {
  users: {
    posts: many("posts", { from: "id", to: "authorId" }),
    groups: manyThrough("groups", {
      from: "id",
      through: "members",
      throughFrom: "userId",
      throughTo: "groupId",
      to: "id",
    }),
  },
  posts: { author: one("users", { from: "authorId", to: "id" }) },
});

interface User {
  id: number;
  name: string;
  born: Date | null;
  tags: string[] | null;
  active: boolean;
  initial: string | null;
}
interface Post {
  id: number;
  authorId: number;
  body: Uint8Array | null;
}
interface Group {
  id: number;
  title: string;
}

Deno.test("`InferSelect`, `InferInsert` and `InferUpdate` say what a row holds", () => {
  same<InferSelect<typeof users>, User>();
  same<InferInsert<typeof users>, {
    id?: number | Sql;
    name: string | Sql;
    born?: Date | null | Sql;
    tags?: string[] | null | Sql;
    active?: boolean | Sql;
  }>();
  same<InferInsert<typeof members>, { userId: number | Sql; groupId: number | Sql }>();
  same<InferUpdate<typeof users>, {
    id?: number | Sql;
    name?: string | Sql;
    born?: Date | null | Sql;
    tags?: string[] | null | Sql;
    active?: boolean | Sql;
  }>();
  same<InferSelect<Table<"t", { id: ColumnBuilder<number, "default"> }>>, { id: number }>();
  same<InferSelect<TableBase>, Record<string, unknown>>();
  const other = alias(posts, "other");
  same<InferSelect<typeof other>, Post>();
});

Deno.test("`Insert.values()` takes rows of the table and nothing else", async () => {
  await using db = memory();
  const insert = db.insert(users);
  type Rows = Parameters<typeof insert.values>[0];
  same<Rows, InferInsert<typeof users> | readonly InferInsert<typeof users>[]>();
  const row: InferInsert<typeof users> = { name: "Ada" };
  const either = row as Rows;
  const statements = [
    insert.values({ name: "Ada" }),
    insert.values([{ name: "Ada" }, { name: "Bob", born: null, tags: ["x"] }]),
    insert.values(either),
    insert.values({ name: sql`upper('x')`, active: false }),
    // @ts-expect-error the name is missing
    insert.values({ born: null }),
    // @ts-expect-error a name is text
    insert.values({ name: 1 }),
    // @ts-expect-error the database computes it
    insert.values({ name: "Ada", initial: "A" }),
    // @ts-expect-error there is no such column
    insert.values({ name: "Ada", surname: "Lovelace" }),
    // @ts-expect-error the second one's name is missing
    insert.values([{ name: "Ada" }, { born: null }]),
    // @ts-expect-error NULL is refused
    insert.values({ name: null }),
  ];
  assertEquals(statements.length, 10);
  const returned = insert.values({ name: "Ada" }).returning();
  same<Awaited<ReturnType<typeof returned.find>>, User[]>();
  const chosen = insert.values({ name: "Ada" }).returning({ key: users.id, when: users.born });
  same<Awaited<ReturnType<typeof chosen.find>>, { key: number; when: Date | null }[]>();
});

Deno.test("`Update.set()` takes new values of the columns and nothing else", async () => {
  await using db = memory();
  const update = db.update(users);
  const statements = [
    update.set({ name: "Ada", born: null }),
    update.set({ active: sql`NOT active` }),
    update.set("name", "Ada", "born", null),
    // @ts-expect-error the database computes it
    update.set({ initial: "A" }),
    // @ts-expect-error NULL is refused
    update.set({ name: null }),
  ];
  assertEquals(statements.length, 5);
  // @ts-expect-error there is no such column
  const wrong = () => update.set("surname", "Lovelace");
  assertEquals(typeof wrong, "function");
  const returned = update.set({ name: "Ada" }).all().returning();
  same<Awaited<ReturnType<typeof returned.find>>, User[]>();
});

Deno.test("`Select` knows its rows through joins and fields", async () => {
  await using db = memory();
  const whole = db.select().from(users);
  same<Awaited<ReturnType<typeof whole.first>>, User | undefined>();
  const inner = whole.innerJoin(posts, eq(posts.authorId, users.id));
  same<Awaited<ReturnType<typeof inner.find>>, { users: User; posts: Post }[]>();
  const left = whole.leftJoin(posts, eq(posts.authorId, users.id));
  same<Awaited<ReturnType<typeof left.find>>, { users: User; posts: Post | null }[]>();
  const fields = db.select({ name: users.name, body: posts.body, post: posts, one: sql<1>`1` })
    .from(users).leftJoin(posts, eq(posts.authorId, users.id));
  same<
    Awaited<ReturnType<typeof fields.find>>,
    { name: string; body: Uint8Array | null; post: Post | null; one: 1 }[]
  >();
  const named = db.select({ n: users.name }).from(users).as("named");
  const outer = db.select().from(named).where(eq(named.n, "Ada"));
  same<Awaited<ReturnType<typeof outer.find>>, { n: string }[]>();
  // @ts-expect-error a name is text
  const wrong = () => eq(users.name, 1);
  assertEquals(typeof wrong, "function");
});

Deno.test("`Schema.find()` knows its rows with three levels of relations", async () => {
  await using db = memory();
  await db.createTables(users, posts, groups, members);
  const plain = await schema.find(db, "users");
  same<typeof plain, User[]>();
  const where = await schema.find(db, "users", { where: eq(users.id, 1), limit: 1 });
  same<typeof where, User[]>();
  const deep = await schema.find(db, "users", {
    with: {
      posts: {
        orderBy: [asc(posts.id)],
        limit: 2,
        with: { author: { with: { groups: true, posts: { with: { author: true } } } } },
      },
      groups: true,
    },
  });
  type DeepPost = Post & {
    author: (User & { groups: Group[]; posts: (Post & { author: User | null })[] }) | null;
  };
  same<typeof deep, (User & { posts: DeepPost[]; groups: Group[] })[]>();
  const first = await schema.first(db, "posts", { with: { author: true } });
  same<typeof first, (Post & { author: User | null }) | undefined>();
  const loaded = await schema.load(db, "users", plain, { posts: { with: { author: true } } });
  same<typeof loaded, (User & { posts: (Post & { author: User | null })[] })[]>();
  const options = { with: { groups: true } } as const;
  const prepared = await schema.find(db, "users", options);
  same<typeof prepared, (User & { groups: Group[] })[]>();
  assertEquals([plain, deep, loaded, prepared], [[], [], [], []]);
  assertEquals([where, first], [[], undefined]);
});

Deno.test("`Schema.related()` knows the relation's rows", () => {
  const db = memory();
  const author = (post: Post) => schema.related(db, "posts", post, "author");
  same<Awaited<ReturnType<typeof author>>, User | null>();
  const own = (user: User) => schema.related(db, "users", user, "posts", { limit: 1 });
  same<Awaited<ReturnType<typeof own>>, Post[]>();
  const deep = (user: User) =>
    schema.related(db, "users", user, "posts", { with: { author: true } });
  same<Awaited<ReturnType<typeof deep>>, (Post & { author: User | null })[]>();
  // @ts-expect-error there is no such relation
  const wrong = (user: User) => schema.related(db, "users", user, "author");
  assertEquals([author, own, deep, wrong].map((one) => typeof one), Array(4).fill("function"));
  return db.close();
});

Deno.test("`Schema` takes tables, relations and options that exist and nothing else", () => {
  const db = memory();
  const either = (name: "users" | "groups") => schema.find(db, name);
  same<Awaited<ReturnType<typeof either>>, (User | Group)[]>();
  const wrong = [
    // @ts-expect-error there is no such table
    () => schema.find(db, "nobody"),
    // @ts-expect-error there is no such relation
    () => schema.find(db, "users", { with: { author: true } }),
    // @ts-expect-error there is no such relation, at the second level
    () => schema.find(db, "users", { with: { posts: { with: { posts: true } } } }),
    // @ts-expect-error a relation is read or left out
    () => schema.find(db, "users", { with: { posts: false } }),
    // @ts-expect-error a limit is a number, at the third level
    () => schema.find(db, "posts", { with: { author: { with: { posts: { limit: "1" } } } } }),
    // @ts-expect-error the row is of another table
    () => schema.load(db, "users", [{ id: 1, title: "" }], { posts: true }),
    // @ts-expect-error there is no such table to lead to
    () => new Schema({ users }, { users: { x: one("nobody", { from: "id", to: "id" }) } }),
    // @ts-expect-error a relation is one() or many()
    () => new Schema({ users }, { users: { x: { to: "users" } } }),
  ];
  assertEquals(wrong.length, 8);
  return db.close();
});

Deno.test("`Schema` of relations that are only known in general reads rows or lists", async () => {
  const tables = { users, posts };
  const relations: RelationMap<typeof tables> = {
    users: { posts: many("posts", { from: "id", to: "authorId" }) },
  };
  const general = new Schema(tables, relations);
  await using db = memory();
  await db.createTables(users, posts);
  const found = await general.find(db, "users", { with: { posts: true } });
  type Some = User | Post;
  same<typeof found, (User & { posts: Some | Some[] | null })[]>();
  assertEquals(found, []);
});

Deno.test("the helper types of `Schema` name what it reads", () => {
  type Tables = { users: typeof users; posts: typeof posts; groups: typeof groups };
  type Relations = {
    users: { posts: ReturnType<typeof many<"posts">> };
    posts: { author: ReturnType<typeof one<"users">> };
  };
  same<RelationNames<Relations, "users">, "posts">();
  same<RelationNames<Relations, "groups">, never>();
  same<TargetOf<Relations, "users", "posts">, "posts">();
  same<keyof Include<Tables, Relations, "users">, "posts">();
  same<keyof Include<Tables, Relations, "groups">, never>();
  same<FindOptions<Tables, Relations, "users">["limit"], number | undefined>();
  same<
    Loaded<Tables, Relations, "posts", { with: { author: true } }>,
    Post & { author: User | null }
  >();
  same<Loaded<Tables, Relations, "posts", true>, Post>();
  same<Loaded<Tables, Relations, "nobody", true>, never>();
  assertEquals(Object.keys(groups), ["id", "title"]);
});
