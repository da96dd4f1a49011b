import { assertEquals, assertThrows } from "@std/assert";
import { Config } from "./config.ts";
import { GitError } from "./errors.ts";
import { normaliseUrl, settingsForUrl } from "./url_match.ts";

Deno.test("`normaliseUrl()` lowers scheme and host, drops default ports and dot segments", () => {
  const cases: [string, string][] = [
    ["HTTPS://Example.COM", "https://example.com/"],
    ["https://example.com:443/a/./b/../c", "https://example.com/a/c"],
    ["http://example.com:0080/", "http://example.com/"],
    ["http://example.com:8080", "http://example.com:8080/"],
    ["https://me:secret@example.com/x", "https://me@example.com/x"],
    ["https://example.com/%7euser/%2f?q=<", "https://example.com/~user/%2F?q=%3C"],
    ["https://example.com/a/..", "https://example.com/"],
    ["file:///srv/repo", "file:///srv/repo"],
    ["https://[::1]:444/", "https://[::1]:444/"],
  ];
  for (const [given, wanted] of cases) assertEquals(normaliseUrl(given), wanted, given);
});

Deno.test("`normaliseUrl()` refuses what is no URL", () => {
  for (
    const [given, why] of [
      ["example.com", "invalid URL scheme name or missing '://' suffix"],
      ["1x://y", "invalid URL scheme name or missing '://' suffix"],
      ["https:///x", "missing host and scheme is not 'file:'"],
      ["https://a b/", "invalid characters in host name"],
      ["https://*.example.com/", "invalid characters in host name"],
      ["https://a:70000/", "invalid port number"],
      ["https://a:0/", "invalid port number"],
      ["https://a:x/", "invalid port number"],
      ["https://a/../b", "invalid '..' path segment"],
      ["https://a/%zz", "invalid %XX escape sequence"],
    ]
  ) assertThrows(() => normaliseUrl(given!), GitError, why, given);
});

Deno.test("`settingsForUrl()` takes the most specific URL, then the last setting", () => {
  const config = Config.parse(`
[http]
	proxy = everywhere
	sslVerify
[http "https://example.com"]
	proxy = host
[http "https://*.example.com"]
	proxy = label
[http "https://example.com/team"]
	proxy = path
[http "https://me@example.com/team"]
	proxy = user
[http "https://example.com/team"]
	proxy = path again
[http "not a url"]
	proxy = never
`);
  const proxy = (url: string): string | undefined =>
    settingsForUrl(config, "http", url).get("proxy")?.value;
  assertEquals(proxy("https://other.org/x"), "everywhere");
  assertEquals(proxy("https://example.com/x"), "host");
  assertEquals(proxy("https://sub.example.com/x"), "label");
  assertEquals(proxy("https://a.sub.example.com/x"), "everywhere");
  assertEquals(proxy("https://example.com/team/repo.git"), "path again");
  assertEquals(proxy("https://example.com/teams"), "host");
  assertEquals(proxy("https://me@example.com/team/repo.git"), "user");
  assertEquals(proxy("https://you@example.com/team/repo.git"), "path again");
  assertEquals(proxy("http://example.com/team"), "everywhere");
  assertEquals(
    [...settingsForUrl(config, "http", "https://other.org").keys()],
    ["proxy", "sslverify"],
  );
});
