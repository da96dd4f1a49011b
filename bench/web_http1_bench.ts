/**
 * The parts of the HTTP/1.1 server that run for each request: parsing a head, and
 * reading a response, each against what the platform does when all of it is made.
 */
import { Buffer } from "node:buffer";
import { HTTPParser } from "npm:http-parser-js@0.5.10";
import { DEFAULT_HTTP1_LIMITS } from "../web/http1_limits.ts";
import { type ByteBuffer, HeadParser } from "../web/_http1_parser.ts";
import { readPublic, readResponse } from "../web/_http1_response.ts";

const HEADS: Record<string, string> = {
  "small head": "GET /users/42 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n",
  "browser's head": [
    "GET /assets/app.js?v=3 HTTP/1.1",
    "Host: example.com",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://example.com/",
    "Connection: keep-alive",
    "Cookie: session=3f2c9a4b7d1e4f60a1b2c3d4e5f60718; theme=dark",
    "Sec-Fetch-Dest: script",
    "Sec-Fetch-Mode: no-cors",
    "Sec-Fetch-Site: same-origin",
    "",
    "",
  ].join("\r\n"),
};

for (const [group, text] of Object.entries(HEADS)) {
  const input = Buffer.from(text, "latin1") as ByteBuffer;
  const parser = new HeadParser(DEFAULT_HTTP1_LIMITS);
  Deno.bench({
    name: "groundwork",
    group: `HTTP/1.1: parse a ${group}`,
    baseline: true,
    fn() {
      parser.parse(input, 0, input.length);
      parser.next();
    },
  });
  const peer = new HTTPParser("REQUEST");
  Deno.bench({
    name: "http-parser-js",
    group: `HTTP/1.1: parse a ${group}`,
    fn() {
      peer.execute(input);
    },
  });
}

const RESPONSES: Record<string, () => Response> = {
  "text": () => new Response("Hello, World!"),
  "JSON with a field": () => Response.json({ a: 1 }, { headers: { "x-request-id": "1" } }),
};

for (const [name, make] of Object.entries(RESPONSES)) {
  const group = `HTTP/1.1: make and read a response of ${name}`;
  Deno.bench({ name: "groundwork", group, baseline: true, fn: () => void readResponse(make()) });
  Deno.bench({ name: "public interface", group, fn: () => void readPublic(make()) });
}
