import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseError } from "../errors.ts";
import { type ConnectionOptions, environmentOptions, parseConnectionUrl } from "./options.ts";

Deno.test("`parseConnectionUrl()` reads what libpq reads", () => {
  const table: [string, ConnectionOptions][] = [
    ["postgres://", {}],
    ["postgresql://localhost", { host: "localhost" }],
    ["postgres://localhost:5433", { host: "localhost", port: 5433 }],
    ["postgres://localhost/mydb", { host: "localhost", database: "mydb" }],
    ["postgres://user@localhost", { user: "user", host: "localhost" }],
    ["postgres://user:secret@localhost", { user: "user", password: "secret", host: "localhost" }],
    ["postgres://user:@h/", { user: "user", password: "", host: "h" }],
    ["postgres://:p@h", { password: "p", host: "h" }],
    [
      "postgres://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
      {
        user: "other",
        host: "localhost",
        database: "otherdb",
        connectTimeoutMs: 10_000,
        settings: { application_name: "myapp" },
      },
    ],
    ["postgres://%2Fvar%2Flib%2Fpostgresql/dbname", {
      host: "/var/lib/postgresql",
      database: "dbname",
    }],
    ["postgres:///dbname?host=/var/lib/postgresql&port=5440", {
      host: "/var/lib/postgresql",
      port: 5440,
      database: "dbname",
    }],
    ["postgres://[2001:db8::1234]:5432/d", { host: "2001:db8::1234", port: 5432, database: "d" }],
    ["postgres://h/d?sslmode=verify-ca&channel_binding=require", {
      host: "h",
      database: "d",
      sslMode: "verify-ca",
      channelBinding: "require",
    }],
    ["postgres://a%40b:c%3Ad%2F@h/x%20y?options=-c%20search_path%3Da", {
      user: "a@b",
      password: "c:d/",
      host: "h",
      database: "x y",
      settings: { options: "-c search_path=a" },
    }],
    ["postgres://h?user=u&password=p&dbname=d", {
      host: "h",
      user: "u",
      password: "p",
      database: "d",
    }],
  ];
  for (const [url, options] of table) assertEquals(parseConnectionUrl(url), options, url);
});

Deno.test("`parseConnectionUrl()` refuses what it cannot read, and does not show the password", () => {
  for (
    const url of [
      "mysql://h",
      "postgres:/h",
      "",
      "postgres://h:99999",
      "postgres://h:x",
      "postgres://h/?sslmode=off",
      "postgres://h/?nonsense=1",
      "postgres://h/?sslmode",
      "postgres://h/?port=-1",
      "postgres://secret:secret%zz@h",
      "postgres://a,b/",
      "postgres://[::1/",
      "postgres://h/?channel_binding=maybe",
      "postgres://h/?connect_timeout=soon",
    ]
  ) {
    const error = assertThrows(() => parseConnectionUrl(url), DatabaseError);
    assertEquals((error as DatabaseError).code, "bad_query", url);
    assertEquals((error as Error).message.includes("secret"), false);
  }
});

Deno.test("`environmentOptions()` reads libpq's variables, and only when it is asked", () => {
  const before = Deno.env.get("PGAPPNAME");
  Deno.env.set("PGAPPNAME", "from the environment");
  try {
    assertEquals(environmentOptions().settings?.application_name, "from the environment");
    assertEquals(parseConnectionUrl("postgres://h").settings, undefined);
  } finally {
    if (before === undefined) Deno.env.delete("PGAPPNAME");
    else Deno.env.set("PGAPPNAME", before);
  }
});
