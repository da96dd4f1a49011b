import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async";
import { Buffer } from "node:buffer";
import type { ConnectionInfo, Handler } from "./handler.ts";
import { type HttpServer, ListenError, serve, type ServeOptions } from "./http1.ts";
import { DEFAULT_HTTP1_LIMITS } from "./http1_limits.ts";
import { readPublic, readResponse, readsSlots } from "./_http1_response.ts";

const SOAK = Deno.env.get("GROUNDWORK_SOAK") === "1";
const HOST = "Host: a.test\r\n";

/** A client that says exactly what it is told. */
class Client implements Disposable {
  readonly #conn: Deno.TcpConn;
  #text = "";

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(server: HttpServer): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port }));
  }

  async send(text: string): Promise<void> {
    const bytes = Buffer.from(text, "latin1");
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    let count: number | null;
    try {
      count = await this.#conn.read(buffer);
    } catch {
      return false;
    }
    if (count === null) return false;
    this.#text += Buffer.from(buffer.subarray(0, count)).toString("latin1");
    return true;
  }

  /** What comes up to and with the mark. */
  async until(mark: string): Promise<string> {
    while (!this.#text.includes(mark)) {
      if (!await this.#read()) throw new Error(`The end came before ${mark}: ${this.#text}`);
    }
    const end = this.#text.indexOf(mark) + mark.length;
    const part = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return part;
  }

  /** What comes until the server ends the connection. */
  async rest(): Promise<string> {
    while (await this.#read());
    return this.#text;
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Reset by the server.
    }
  }
}

/** Sends one text, ends the sending half and returns all that comes back. */
async function exchange(
  text: string,
  handler: Handler = () => new Response("ok"),
  options: ServeOptions = {},
): Promise<string> {
  await using server = serve({ port: 0, onError: report, ...options }, handler);
  using client = await Client.connect(server);
  await client.send(text);
  await client.closeWrite();
  return await client.rest();
}

function report(): Response {
  return new Response("reported", { status: 500 });
}

/** The status lines of the answers in a text. */
function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

Deno.test("`serve()` answers requests that come together, in order, on one connection", async () => {
  const answers = await exchange(
    `GET /1 HTTP/1.1\r\n${HOST}\r\nPOST /2 HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc` +
      `GET /3 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\nGET /4 HTTP/1.1\r\n${HOST}\r\n`,
    async (request) => {
      const { pathname } = new URL(request.url);
      // Later requests are quicker: order must not depend on that.
      if (pathname === "/1") await delay(20);
      return new Response(`${pathname} ${await request.text()};`);
    },
  );
  assertEquals([...answers.matchAll(/\/\d \w*;/g)].map(([text]) => text), [
    "/1 ;",
    "/2 abc;",
    "/3 ;",
  ]);
  assertEquals([...answers.matchAll(/Connection: (\S+)/g)].map((match) => match[1]), [
    "keep-alive",
    "keep-alive",
    "close",
  ]);
});

Deno.test("`serve()` gives a request that passes for a real one", async () => {
  let seen: unknown[] = [];
  await using server = serve({ port: 0 }, async (request, info) => {
    const before = request.bodyUsed;
    const copy = request.clone();
    const moved = new Request(request, { headers: { "x-a": "b" } });
    seen = [
      request instanceof Request,
      request.constructor === Request,
      request.method,
      new URL(request.url).pathname,
      request.headers.get("content-type"),
      before,
      (info.remoteAddr as Deno.NetAddr).hostname,
      info.secure,
      await copy.json(),
      await moved.text(),
      moved.headers.get("x-a"),
    ];
    return new Response(null, { status: 204 });
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/path?q`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: '{"a":1}',
  });
  assertEquals(response.status, 204);
  assertEquals(seen, [
    true,
    true,
    "PUT",
    "/path",
    "application/json",
    false,
    "127.0.0.1",
    false,
    { a: 1 },
    '{"a":1}',
    "b",
  ]);
});

Deno.test("A request's body is read once, in every form", async () => {
  const read: Record<string, (request: Request) => Promise<unknown>> = {
    text: (request) => request.text(),
    json: (request) => request.json(),
    bytes: async (request) => Buffer.from(await request.bytes()).toString(),
    arrayBuffer: async (request) => Buffer.from(await request.arrayBuffer()).toString(),
    blob: async (request) => await (await request.blob()).text(),
    stream: (request) => new Response(request.body).text(),
  };
  await using server = serve({ port: 0 }, async (request) => {
    const content = await read[new URL(request.url).pathname.slice(1)]!(request);
    await assertRejects(() => request.text(), TypeError);
    assert(request.bodyUsed);
    return Response.json(content);
  });
  for (const form of Object.keys(read)) {
    for (const body of ["7", " ".repeat(100_000) + "7"]) {
      const init = { method: "POST", body };
      const response = await fetch(`http://127.0.0.1:${server.addr.port}/${form}`, init);
      const expected = form === "json" ? 7 : body;
      assertEquals(await response.json(), expected, form);
    }
  }
  const form = new FormData();
  form.set("name", "ä");
  await using forms = serve({ port: 0 }, async (request) => {
    return new Response((await request.formData()).get("name") as string);
  });
  const response = await fetch(`http://127.0.0.1:${forms.addr.port}/`, {
    method: "POST",
    body: form,
  });
  assertEquals(await response.text(), "ä");
});

Deno.test("Bodies stream both ways, larger than any buffer", async () => {
  await using server = serve({ port: 0 }, (request) => new Response(request.body));
  const chunk = new Uint8Array(70_000).map((_, index) => index % 251);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 50) controller.enqueue(chunk.slice());
      else controller.close();
    },
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { method: "POST", body });
  const back = await response.bytes();
  assertEquals(back.length, 50 * chunk.length);
  for (let index = 0; index < back.length; index += 997) {
    assertEquals(back[index], (index % 70_000) % 251);
  }
});

Deno.test("Chunked bodies arrive whole, their extensions dropped and their trailers apart", async () => {
  let trailers: Headers | undefined;
  const answer = await exchange(
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n` +
      `5;a=b;c="d\\"e"\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n`,
    async (request, info) => {
      const text = await request.text();
      trailers = await info.trailers;
      return new Response(`${text} ${request.headers.get("x-sum")} ${request.headers.get("host")}`);
    },
  );
  assertStringIncludes(answer, "\r\n\r\nhello, world!!! null a.test");
  assertEquals(trailers?.get("x-sum"), "7");
});

Deno.test("HEAD, 204 and 304 have no body, and HEAD keeps the length", async () => {
  const answers = await exchange(
    ["HEAD /", "GET /204", "GET /304", "HEAD /stream"]
      .map((line) => `${line} HTTP/1.1\r\n${HOST}\r\n`).join(""),
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/stream") return new Response(ReadableStream.from([new Uint8Array(5)]));
      if (pathname === "/") return new Response("hello");
      return new Response(null, { status: Number(pathname.slice(1)) });
    },
  );
  const heads = answers.split("\r\n\r\n");
  assertEquals(heads.length, 5);
  assertEquals(heads[4], "");
  assertStringIncludes(heads[0]!, "Content-Length: 5");
  for (const head of heads.slice(1, 3)) assert(!head.toLowerCase().includes("content-length"));
});

Deno.test("HTTP/1.0 is answered and closed, or kept where it asks for that", async () => {
  const stream = () => new Response(ReadableStream.from([new TextEncoder().encode("streamed")]));
  const closed = await exchange("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", stream);
  assertEquals(statuses(closed), [200]);
  assertMatch(closed, /Connection: close\r\n\r\nstreamed$/);
  const kept = await exchange(
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
  );
  assertEquals(statuses(kept), [200, 200]);
});

Deno.test("`Expect: 100-continue` is met when the body is read, and not before", async () => {
  await using server = serve({ port: 0 }, async (request) => {
    if (request.url.endsWith("/refuse")) return new Response("no", { status: 403 });
    return new Response(await request.text());
  });
  const head = `HTTP/1.1\r\n${HOST}Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n`;
  using client = await Client.connect(server);
  await client.send(`POST /take ${head}`);
  assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("hi");
  assertStringIncludes(await client.until("hi"), "200 OK");
  await client.send(`POST /refuse ${head}`);
  const refusal = await client.rest();
  assertEquals(statuses(refusal), [403]);
  assertStringIncludes(refusal, "Connection: close");
  assertEquals(statuses(await exchange(`GET / HTTP/1.1\r\n${HOST}Expect: more\r\n\r\n`)), [417]);
  const bodiless = `GET / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n\r\n`;
  assertEquals(statuses(await exchange(bodiless + bodiless)), [200, 200]);
});

Deno.test("Early hints and trailers are sent around the answer", async () => {
  const answer = await exchange(`GET / HTTP/1.1\r\n${HOST}\r\n`, async (_, info) => {
    await info.earlyHints!({ link: "</a.css>; rel=preload" });
    info.sendTrailers!(() => ({ "x-sum": "42" }));
    return new Response("abc");
  });
  assertMatch(answer, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload\r\n\r\nHTTP/);
  assertMatch(answer, /Transfer-Encoding: chunked[\s\S]*\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n$/);
  const injected = await exchange(`GET / HTTP/1.1\r\n${HOST}\r\n`, async (_, info) => {
    await assertRejects(() => info.earlyHints!({ link: "a\r\nb: c" }), TypeError);
    return new Response("x", { headers: new Headers({ "x-a": "b" }) });
  });
  assertEquals(statuses(injected), [200]);
});

/** What is refused, by the status; each is the whole of what the client sends. */
const REFUSED: [name: string, status: number, text: string][] = [
  ["no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["two Hosts", 400, `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  ["an empty port too high", 400, "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
  ["a Host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["a Host that no URL has", 400, "GET / HTTP/1.1\r\nHost: a%20b\r\n\r\n"],
  ["a Host of five numbers", 400, "GET / HTTP/1.1\r\nHost: 1.2.3.4.5\r\n\r\n"],
  ["a Host with user information", 400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
  [
    "Content-Length twice",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  ],
  ["a list of lengths", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\na`],
  ["a signed length", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`],
  ["a length in hex", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\na`],
  [
    "a length beyond 2^53",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 9007199254740993\r\n\r\n`,
  ],
  [
    "both framings",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  ["an unknown coding", 501, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ["chunked not last", 400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`],
  ["chunked twice", 400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n`],
  ["a coding in disguise", 400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n`],
  ["a coding in HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a bare LF", 400, `GET / HTTP/1.1\n${HOST}\r\n`],
  ["a bare LF after a field", 400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  ["a bare CR", 400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"],
  ["NUL in a value", 400, `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`],
  ["a folded field", 400, `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
  ["a blank before the colon", 400, `GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`],
  ["a field without a name", 400, `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`],
  ["no version", 400, "GET /\r\n\r\n"],
  ["HTTP/2.0", 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ["a version in lower case", 400, `GET / http/1.1\r\n${HOST}\r\n`],
  ["two blanks in the request line", 400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ["bytes beyond ASCII in the target", 400, `GET /\xff HTTP/1.1\r\n${HOST}\r\n`],
  ["a target that is no path", 400, `GET index HTTP/1.1\r\n${HOST}\r\n`],
  ["a target of another scheme", 400, `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`],
  ["* without OPTIONS", 400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  ["CONNECT", 501, `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`],
  ["TRACE", 501, `TRACE / HTTP/1.1\r\n${HOST}\r\n`],
  ["a long request line", 414, `GET /${"a".repeat(9_000)} HTTP/1.1\r\n${HOST}\r\n`],
  ["a request line without end", 414, `GET /${"a".repeat(9_000)}`],
  ["a large field", 431, `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(40_000)}\r\n\r\n`],
  ["a field without end", 431, `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(40_000)}`],
  ["many fields", 431, `GET / HTTP/1.1\r\n${HOST}${"X: a\r\n".repeat(100)}\r\n`],
  ["a large body", 413, `POST / HTTP/1.1\r\n${HOST}Content-Length: 104857601\r\n\r\n`],
];

for (const [name, status, text] of REFUSED) {
  Deno.test(`\`serve()\` refuses ${name} with ${status}, and closes`, async () => {
    let handled = 0;
    const answer = await exchange(text + `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`, () => {
      handled++;
      return new Response("handled");
    });
    assertEquals(statuses(answer), [status]);
    assertStringIncludes(answer, "Connection: close");
    assertEquals(handled, 0);
  });
}

/** Chunked bodies that break the syntax; the handler reads the body. */
const BROKEN_CHUNKS: [name: string, status: number, text: string][] = [
  ["a size that is no number", 400, "x\r\n"],
  ["an empty size", 400, "\r\na\r\n"],
  ["a signed size", 400, "+1\r\na\r\n"],
  ["a size beyond 2^53", 400, "FFFFFFFFFFFFFFFF\r\n"],
  ["a size of many digits", 400, `${"0".repeat(17)}1\r\na\r\n`],
  ["a blank after the size", 400, "1 \r\na\r\n"],
  ["a chunk longer than its size", 400, "1\r\nab\r\n"],
  ["a bare LF after the size", 400, "1\na\r\n"],
  ["a broken extension", 400, "1;\r\na\r\n"],
  ["an extension without end", 413, `1;${"a".repeat(20_000)}`],
  ["many extensions", 413, `1;${"a".repeat(900)}\r\nb\r\n`.repeat(20)],
  ["a broken trailer", 400, "0\r\nX : a\r\n\r\n"],
  ["large trailers", 431, `0\r\n${`X: ${"a".repeat(1_000)}\r\n`.repeat(10)}\r\n`],
  ["many trailers", 431, `0\r\n${"X: a\r\n".repeat(40)}\r\n`],
  ["an end before the body's", 400, "5\r\nab"],
];

for (const [name, status, text] of BROKEN_CHUNKS) {
  Deno.test(`A chunked body with ${name} is answered with ${status}`, async () => {
    const head = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
    const answer = await exchange(
      head + text,
      async (request) => new Response(await request.text()),
    );
    assertEquals(statuses(answer), [status]);
  });
}

Deno.test("A chunked body over the limit is answered with 413", async () => {
  const head = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
  const chunk = `10\r\n${"a".repeat(16)}\r\n`;
  const answer = await exchange(
    head + chunk.repeat(10) + "0\r\n\r\n",
    async (request) => new Response(await request.text()),
    { limits: { bodyBytes: 100 } },
  );
  assertEquals(statuses(answer), [413]);
});

Deno.test("Absolute targets, `OPTIONS *` and leading empty lines are taken", async () => {
  const urls: string[] = [];
  const answers = await exchange(
    `\r\n\r\nGET http://other.test/a?b HTTP/1.1\r\n${HOST}\r\nOPTIONS * HTTP/1.1\r\n${HOST}\r\n` +
      "GET /c HTTP/1.1\r\nHost: [::1]:8080\r\n\r\nGET /d HTTP/1.1\r\nHost:\r\n\r\n",
    (request) => {
      urls.push(request.url);
      return new Response(request.method);
    },
  );
  assertEquals(statuses(answers), [200, 200, 200, 200]);
  assertEquals(urls.slice(0, 3), [
    "http://other.test/a?b",
    "http://a.test/*",
    "http://[::1]:8080/c",
  ]);
  assertMatch(urls[3]!, /^http:\/\/127\.0\.0\.1:\d+\/d$/);
});

Deno.test("A body that the handler leaves is drained, or ends the connection", async () => {
  const post = (length: number) =>
    `POST / HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
  const get = `GET / HTTP/1.1\r\n${HOST}\r\n`;
  const limits = { drainBytes: 1_000 };
  assertEquals(statuses(await exchange(post(900) + get, undefined, { limits })), [200, 200]);
  assertEquals(statuses(await exchange(post(50_000) + get, undefined, { limits })), [200]);
});

Deno.test("A handler that throws is answered by `onError`, before and never after the answer began", async () => {
  const seen: unknown[] = [];
  const onError = (error: unknown) => {
    seen.push((error as Error).message);
    return new Response("sorry", { status: 500 });
  };
  const get = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
  const answers = await exchange(
    get("/sync") + get("/async") + get("/bad") + get("/"),
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/sync") throw new Error("sync");
      if (pathname === "/async") return Promise.reject(new Error("async"));
      if (pathname === "/bad") return "no response" as unknown as Response;
      return new Response("fine");
    },
    { onError },
  );
  assertEquals(statuses(answers), [500, 500, 500, 200]);
  const broken = await exchange(get("/") + get("/"), () => {
    let chunks = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (chunks++ === 0) controller.enqueue(new TextEncoder().encode("half"));
          else controller.error(new Error("late"));
        },
      }),
    );
  }, { onError });
  assertEquals(statuses(broken).length <= 1, true);
  assert(!broken.includes("0\r\n\r\n"), "a broken body must not look finished");
  assertEquals(
    seen,
    ["sync", "async", "A handler must return a Response"].concat(seen.length > 3 ? ["late"] : []),
  );
});

Deno.test("What cannot be sent is answered by `onError`, and that with 500 if need be", async () => {
  const used = new Response("used");
  await used.text();
  const cases: Record<string, () => unknown> = {
    "/error": () => Response.error(),
    "/used": () => used,
    "/none": () => undefined,
    "/fine": () => new Response("fine"),
  };
  const handler = (request: Request) => cases[new URL(request.url).pathname]!() as Response;
  const text = Object.keys(cases).map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join("");
  const reported = await exchange(text, handler);
  assertEquals(statuses(reported), [500, 500, 500, 200]);
  assertEquals(reported.match(/reported/g)?.length, 3);
  for (const wrong of [() => undefined, () => Response.error(), () => Promise.reject()]) {
    const onError = wrong as unknown as () => Response;
    assertEquals(statuses(await exchange(text, handler, { onError })), [500, 500, 500, 200]);
  }
});

Deno.test("An answer that breaks off takes none with it that came before", async () => {
  const answers = await exchange(
    ["/1", "/2", "/broken", "/4"].map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join(""),
    (request) => {
      const { pathname } = new URL(request.url);
      return new Response(
        pathname,
        pathname === "/broken" ? { headers: { "content-length": "3" } } : {},
      );
    },
  );
  assertEquals(answers.match(/\r\n\r\n\/./g), ["\r\n\r\n/1", "\r\n\r\n/2"]);
});

Deno.test("Answers that differ in status, type or length only are each their own", async () => {
  const cases = [
    new Response("a"),
    new Response("bb", { status: 404 }),
    new Response("", { headers: { "content-type": "text/html" } }),
    new Response("ä", { status: 201, headers: { "content-type": "text/html" } }),
    new Response(new Uint8Array([0x63])),
    new Response("x".repeat(2_000)),
    Response.json({ d: 1 }),
  ];
  const count = cases.length;
  const answers = await exchange(
    `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(count) + `HEAD / HTTP/1.1\r\n${HOST}\r\n`,
    () => cases.shift() ?? new Response("head"),
  );
  const parts = answers.split(/(?=HTTP\/1\.1 )/).map((answer) => {
    const [head, body] = answer.split("\r\n\r\n") as [string, string];
    assertMatch(head, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(\r\n|$)/);
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1];
    return [head.slice(9, 12), field("content-type"), field("content-length"), body.length].join();
  });
  assertEquals(parts, [
    "200,text/plain;charset=UTF-8,1,1",
    "404,text/plain;charset=UTF-8,2,2",
    "200,text/html,0,0",
    "201,text/html,2,2",
    "200,,1,1",
    "200,text/plain;charset=UTF-8,2000,2000",
    "200,application/json,7,7",
    "200,text/plain;charset=UTF-8,4,0",
  ]);
});

Deno.test("Fields that frame a message are refused in trailers and interim responses", async () => {
  const answer = await exchange(`GET / HTTP/1.1\r\n${HOST}\r\n`, async (_, info) => {
    await assertRejects(
      () => info.earlyHints!({ "content-length": "5" }),
      TypeError,
      "content-length",
    );
    info.sendTrailers!(() => ({ "transfer-encoding": "chunked" }));
    return new Response("abc");
  });
  assert(!answer.includes("\r\n0\r\n"), answer);
});

Deno.test("Early hints that nobody waits for still come before their answers", async () => {
  let count = 0;
  const answers = await exchange(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(3), (_, info) => {
    void info.earlyHints!({ link: `<${++count}>` });
    return new Response(`answer ${count}`);
  });
  assertEquals(answers.match(/<\d>|answer \d/g), [
    "<1>",
    "answer 1",
    "<2>",
    "answer 2",
    "<3>",
    "answer 3",
  ]);
});

Deno.test("A lazy request can be sent on by `fetch()`", async () => {
  await using origin = serve({ port: 0 }, async (request) => {
    return new Response(`${request.method} ${request.headers.get("x-a")} ${await request.text()}`);
  });
  await using proxy = serve({ port: 0 }, async (request) => {
    const url = `http://127.0.0.1:${origin.addr.port}/`;
    const passed = await fetch(new Request(url, request));
    return new Response(await passed.text());
  });
  const response = await fetch(`http://127.0.0.1:${proxy.addr.port}/`, {
    method: "POST",
    headers: { "x-a": "b" },
    body: "body",
  });
  assertEquals(await response.text(), "POST b body");
});

Deno.test("A response shorter or longer than its Content-Length kills the connection", async () => {
  for (const length of ["3", "100"]) {
    for (const streamed of [true, false]) {
      const answer = await exchange(
        `GET / HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
        () => {
          const body = new TextEncoder().encode("ten bytes!");
          return new Response(streamed ? ReadableStream.from([body]) : body, {
            headers: { "content-length": length },
          });
        },
      );
      assert(statuses(answer).length <= 1, `${length} ${streamed}`);
    }
  }
});

Deno.test("`request.signal` aborts when the client leaves, and pipelined bytes are kept", async () => {
  const aborted = Promise.withResolvers<unknown>();
  await using server = serve({ port: 0 }, async (request) => {
    if (request.url.endsWith("/next")) return new Response("next");
    if (request.url.endsWith("/wait")) {
      request.signal.addEventListener("abort", () => aborted.resolve(request.signal.reason));
      await aborted.promise;
    } else {
      void request.signal;
      await delay(30);
    }
    return new Response("done");
  });
  using first = await Client.connect(server);
  await first.send(`GET /slow HTTP/1.1\r\n${HOST}\r\n`);
  await delay(5);
  await first.send(`GET /next HTTP/1.1\r\n${HOST}\r\n`);
  await first.until("done");
  await first.until("next");
  const second = await Client.connect(server);
  await second.send(`GET /wait HTTP/1.1\r\n${HOST}\r\n`);
  await delay(20);
  second[Symbol.dispose]();
  assertInstanceOf(await aborted.promise, Error);
});

Deno.test("A streamed answer is cancelled when the client is gone", async () => {
  const cancelled = Promise.withResolvers<void>();
  let pulling: Promise<void> | undefined;
  let gone = false;
  await using server = serve({ port: 0, onError: report }, () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          pulling = delay(5);
          await pulling;
          if (!gone) controller.enqueue(new Uint8Array(1_000));
        },
        cancel() {
          gone = true;
          cancelled.resolve();
        },
      }),
    ));
  const client = await Client.connect(server);
  await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await client.until("\r\n\r\n");
  client[Symbol.dispose]();
  await cancelled.promise;
  await pulling;
});

Deno.test("`info.upgrade()` hands the connection over with the bytes that came early", async () => {
  const upgrade: Handler = (_: Request, info: ConnectionInfo) =>
    info.upgrade!({ upgrade: "echo" }, async (connection) => {
      const buffer = new Uint8Array(100);
      for (
        let count = await connection.read(buffer);
        count;
        count = await connection.read(buffer)
      ) {
        await connection.write(buffer.subarray(0, count));
      }
      connection.close();
    });
  const ask = `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n`;
  const answer = await exchange(`${ask}early`, upgrade);
  assertMatch(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*upgrade: echo\r\n\r\nearly$/);
  const refused = await exchange(`GET / HTTP/1.1\r\n${HOST}\r\n`, upgrade);
  assertEquals(statuses(refused), [500]);
});

Deno.test("A slow head is answered with 408, an idle connection closed, both on time", async () => {
  const limits = { headTimeoutMs: 300, idleTimeoutMs: 300 };
  await using server = serve({ port: 0, limits }, () => new Response("ok"));
  using slow = await Client.connect(server);
  using idle = await Client.connect(server);
  using silent = await Client.connect(server);
  const startMs = performance.now();
  await slow.send("GET / HTTP/1.1\r\nHo");
  await idle.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  const drip = setInterval(() => slow.send("o").catch(() => {}), 50);
  const [answer, kept, nothing] = await Promise.all([slow.rest(), idle.rest(), silent.rest()]);
  clearInterval(drip);
  assertEquals(statuses(answer), [408]);
  assertEquals(statuses(kept), [200]);
  assertEquals(nothing, "");
  assert(performance.now() - startMs < 5_000);
});

Deno.test("What comes after 408 is not handled, though it would complete the head", async () => {
  let handled = 0;
  await using server = serve({ port: 0, limits: { headTimeoutMs: 200 } }, () => {
    handled++;
    return new Response("handled");
  });
  using client = await Client.connect(server);
  const head = `GET / HTTP/1.1\r\n${HOST}`;
  await client.send(head);
  assertStringIncludes(await client.until("\r\n\r\n"), " 408 ");
  await client.send(`${"X".repeat(head.length)}: a\r\n\r\n${head}\r\n`);
  await client.closeWrite();
  await client.rest();
  assertEquals(handled, 0);
});

Deno.test("A body that stalls is answered with 408", async () => {
  const limits = { bodyTimeoutMs: 300 };
  await using server = serve(
    { port: 0, limits },
    async (request) => new Response(await request.text()),
  );
  using client = await Client.connect(server);
  await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
  assertEquals(statuses(await client.rest()), [408]);
});

Deno.test("A client that takes nothing is cut off", async () => {
  const ended = Promise.withResolvers<unknown>();
  const limits = { writeTimeoutMs: 300 };
  await using server = serve({ port: 0, limits, onError: report }, (_, info) => {
    info.completed!.then(() => ended.resolve("sent"), ended.resolve);
    return new Response(new Uint8Array(50_000_000));
  });
  using client = await Client.connect(server);
  await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  assertInstanceOf(await ended.promise, Error);
});

Deno.test("Connections beyond the limits are refused with 503", async () => {
  for (const limits of [{ connections: 2 }, { connectionsPerAddress: 2 }]) {
    await using server = serve({ port: 0, limits }, () => new Response("ok"));
    const open = [await Client.connect(server), await Client.connect(server)];
    for (const client of open) {
      await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
      await client.until("ok");
    }
    using third = await Client.connect(server);
    assertEquals(statuses(await third.rest()), [503]);
    assertEquals(server.stats().refused, 1);
    for (const client of open) client[Symbol.dispose]();
  }
});

Deno.test("`HttpServer.shutdown()` lets what runs finish and closes what idles", async () => {
  const started = Promise.withResolvers<void>();
  const server = serve({ port: 0 }, async () => {
    started.resolve();
    await delay(50);
    return new Response("finished");
  });
  using idle = await Client.connect(server);
  using busy = await Client.connect(server);
  await busy.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await started.promise;
  const over = server.shutdown();
  const answer = await busy.rest();
  assertStringIncludes(answer, "Connection: close");
  assertStringIncludes(answer, "finished");
  assertEquals(await idle.rest(), "");
  await over;
  await assertRejects(() => Client.connect(server));
});

Deno.test("`HttpServer.shutdown()` cuts off what outlasts its time, and a signal starts it", async () => {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Response>();
  const server = serve(
    { port: 0, signal: controller.signal, shutdownTimeoutMs: 100, onError: report },
    () => promise,
  );
  using client = await Client.connect(server);
  await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  await delay(20);
  controller.abort();
  assertEquals(await client.rest(), "");
  resolve(new Response("too late"));
  await server.finished;
});

/** Makes a certificate authority and a certificate of it for localhost; undefined without openssl. */
async function makeCertificates(): Promise<{ ca: string; cert: string; key: string } | undefined> {
  const folder = await Deno.makeTempDir();
  const openssl = async (...args: string[]) => {
    const { success } = await new Deno.Command("openssl", {
      args,
      cwd: folder,
      stdout: "null",
      stderr: "null",
    }).output();
    assert(success, `openssl ${args.join(" ")}`);
  };
  const newKey = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  try {
    await Deno.writeTextFile(
      `${folder}/leaf.ext`,
      "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    );
    await openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=CA",
    );
    await openssl(
      "req",
      ...newKey.slice(0, 3),
      "-keyout",
      "key.pem",
      "-out",
      "req.pem",
      "-subj",
      "/CN=localhost",
    );
    const sign = ["-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    await openssl("x509", ...sign, "-days", "2", "-extfile", "leaf.ext", "-out", "cert.pem");
    const read = (name: string) => Deno.readTextFile(`${folder}/${name}`);
    return { ca: await read("ca.pem"), cert: await read("cert.pem"), key: await read("key.pem") };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const certificates = await makeCertificates();

Deno.test({
  name: "`serve()` speaks TLS, and gives up on a handshake that does not come" +
    (certificates === undefined ? " (ignored: openssl is not installed)" : ""),
  ignore: certificates === undefined,
  async fn() {
    const { ca, cert, key } = certificates!;
    const limits = { handshakeTimeoutMs: 300 };
    await using server = serve({ port: 0, tls: { cert, key }, limits }, async (request, info) => {
      return new Response(
        `${new URL(request.url).protocol} ${info.secure} ${await request.text()}`,
      );
    });
    using _silent = await Client.connect(server);
    const http = Deno.createHttpClient({ caCerts: [ca] });
    const url = `https://localhost:${server.addr.port}/`;
    const response = await fetch(url, { method: "POST", body: "secret", client: http });
    assertEquals(await response.text(), "https: true secret");
    http.close();
    // The server forgets the silent client; Deno closes its socket only when the client does.
    for (let wait = 0; wait < 200 && server.stats().connections > 0; wait++) await delay(20);
    assertEquals(server.stats().connections, 0);
  },
});

Deno.test("`serve()` names the port that is taken, and limits that are none", async () => {
  await using server = serve({ port: 0 }, () => new Response());
  const { port } = server.addr;
  const error = assertThrows(() => serve({ port }, () => new Response()), ListenError);
  assertEquals(error.code, "in_use");
  assertEquals(error.message, `Cannot listen on 127.0.0.1:${port}: it is in use`);
  assertThrows(
    () => serve({ port: 0, limits: { headerBytes: 0 } }, () => new Response()),
    RangeError,
    "headerBytes",
  );
});

Deno.test("A field beyond ASCII is sent as Latin-1, a body as UTF-8", async () => {
  const answer = await exchange(
    `GET / HTTP/1.1\r\n${HOST}X-Name: \xe4\r\n\r\n`,
    (request) => new Response("ö€😀", { headers: { "x-name": request.headers.get("x-name")! } }),
  );
  assertStringIncludes(answer, "x-name: \xe4\r\n");
  assertStringIncludes(answer, "Content-Length: 9\r\n");
  assertEquals(Buffer.from(answer.split("\r\n\r\n")[1]!, "latin1").toString(), "ö€😀");
});

Deno.test("`readResponse()` says what the public interface says", async () => {
  const make = [
    () => new Response("a"),
    () => new Response("ä", { headers: { "content-type": "text/html" } }),
    () => Response.json({ a: 1 }, { status: 201 }),
    () => new Response(new Uint8Array([1, 2, 255])),
    () => new Response(new Blob(["blob"], { type: "x/y" })),
    () => new Response(new URLSearchParams({ a: "b c" })),
    () => new Response(null, { status: 418, statusText: "Short and stout" }),
    () => Response.redirect("http://a.test/"),
    () => new Response(ReadableStream.from([new Uint8Array([1])])),
    () => new Response("b", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] }),
  ];
  assert(readsSlots, "Deno's slots are found in the version that the project is pinned to");
  for (const [index, response] of make.entries()) {
    const fast = readResponse(response());
    const open = readPublic(response());
    const fields = (list: typeof open.fields) =>
      list.map(([name, content]) => `${name.toLowerCase()}: ${content}`).toSorted();
    assertEquals(fields(fast.fields), fields(open.fields), `response ${index}`);
    assertEquals([fast.status, fast.statusText], [open.status, open.statusText]);
    assertEquals(
      await new Response(fast.body as BodyInit | null).bytes(),
      await new Response(open.body as BodyInit | null).bytes(),
      `response ${index}`,
    );
  }
  const used = new Response("used");
  await used.text();
  assertThrows(() => readResponse(used), TypeError, "has been read");
});

Deno.test("Random mutations of valid requests neither crash the server nor leak a connection", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const valid = [
    `GET /a?b=c HTTP/1.1\r\n${HOST}Accept: */*\r\n\r\n`,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  ];
  const pieces = [
    "\r\n",
    "\n",
    "\0",
    " ",
    ":",
    "\xff",
    "chunked",
    "Content-Length: 3\r\n",
    "0",
    "HTTP/1.1",
  ];
  const limits = { headTimeoutMs: 2_000, bodyTimeoutMs: 2_000, idleTimeoutMs: 2_000 };
  await using server = serve({ port: 0, limits, onError: report }, async (request) => {
    return new Response(await request.text());
  });
  const mutations = SOAK ? 20_000 : 1_000;
  for (let round = 0; round < mutations; round++) {
    let text = Array.from({ length: 1 + random(3) }, () => valid[random(valid.length)]!).join("");
    for (let change = 0; change <= random(4); change++) {
      const at = random(text.length);
      const kind = random(3);
      const piece = pieces[random(pieces.length)]!;
      if (kind === 0) text = text.slice(0, at) + piece + text.slice(at);
      else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1 + random(5));
      else text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    }
    using client = await Client.connect(server);
    await client.send(text).catch(() => {});
    await client.closeWrite().catch(() => {});
    const answer = await client.rest();
    for (const status of statuses(answer)) {
      assert(
        status < 500 || status === 501 || status === 505,
        `seed ${seed}, round ${round}: ${status}`,
      );
    }
  }
  for (let wait = 0; wait < 100 && server.stats().connections > 0; wait++) await delay(20);
  assertEquals(server.stats().connections, 0, `seed ${seed}`);
  assertEquals(server.stats().active, 0, `seed ${seed}`);
});

Deno.test("Many slow clients are closed on time while others are served", async () => {
  const limits = { headTimeoutMs: 500 };
  await using server = serve({ port: 0, limits }, () => new Response("ok"));
  const slow = await Promise.all(Array.from({ length: 300 }, () => Client.connect(server)));
  for (const client of slow) await client.send("GET / HTTP/1.1\r\nX-A: b");
  let served = 0;
  const startMs = performance.now();
  while (server.stats().connections > 1 && performance.now() - startMs < 5_000) {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
    assertEquals(await response.text(), "ok");
    served++;
  }
  assert(served > 5, `${served} served`);
  assert(server.stats().connections <= 1);
  for (const client of slow) {
    assertEquals(statuses(await client.rest()), [408]);
    client[Symbol.dispose]();
  }
});

Deno.test("The defaults are what the documentation states", () => {
  assertEquals(DEFAULT_HTTP1_LIMITS.requestLineBytes, 8_192);
  assertEquals(DEFAULT_HTTP1_LIMITS.bodyBytes, 100 * 2 ** 20);
  assertEquals(Object.values(DEFAULT_HTTP1_LIMITS).every((limit) => limit > 0), true);
});
