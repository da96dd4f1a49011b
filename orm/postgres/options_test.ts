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
    ["postgres://one:1,two:2/d?target_session_attrs=read-write", {
      hosts: [{ host: "one", port: 1 }, { host: "two", port: 2 }],
      targetSessionAttributes: "read-write",
      database: "d",
    }],
    ["postgres://one,[::1]:2,%2Frun/", {
      hosts: [{ host: "one" }, { host: "::1", port: 2 }, { host: "/run" }],
    }],
    ["postgres://one,two?port=7", { hosts: [{ host: "one", port: 7 }, { host: "two", port: 7 }] }],
    ["postgres:///d?host=one,two&port=7,", {
      hosts: [{ host: "one", port: 7 }, { host: "two" }],
      database: "d",
    }],
    ["postgres://,two/", { hosts: [{}, { host: "two" }] }],
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
      "postgres://a,b/?port=1,2,3",
      "postgres://a?port=1,2",
      "postgres://a,b:x/",
      "postgres://a,b/?target_session_attrs=leader",
      `postgres://${"a,".repeat(100)}a/`,
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
  const variables = {
    PGAPPNAME: "from the environment",
    PGHOST: "one,two",
    PGPORT: "7",
    PGTARGETSESSIONATTRS: "standby",
  };
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    const options = environmentOptions();
    assertEquals(options.settings?.application_name, "from the environment");
    assertEquals(options.hosts, [{ host: "one", port: 7 }, { host: "two", port: 7 }]);
    assertEquals(options.targetSessionAttributes, "standby");
    assertEquals(parseConnectionUrl("postgres://h"), { host: "h" });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});
