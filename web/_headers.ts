/** Adds names to `Vary`, once each; `*` stays alone. */
export function addVary(headers: Headers, name: string): void {
  const current = headers.get("vary");
  if (current === null) return headers.set("vary", name);
  const names = current.split(",").map((entry) => entry.trim().toLowerCase());
  if (names.includes("*") || names.includes(name.toLowerCase())) return;
  headers.set("vary", `${current}, ${name}`);
}

/**
 * Writes a text as a quoted string (RFC 9110 section 5.6.4).
 *
 * @throws {TypeError} If it holds what a quoted string cannot.
 */
export function quote(text: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(text)) {
    throw new TypeError(`Cannot send ${JSON.stringify(text)} in a header: it is not ASCII text`);
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

const BODIES_OF_STREAMS = new WeakSet<ReadableStream>();

/** Marks a body that comes bit by bit, so that no middleware waits for its end. */
export function markStreaming<Body extends ReadableStream>(body: Body): Body {
  BODIES_OF_STREAMS.add(body);
  return body;
}

/** Whether a body was marked. */
export function isStreaming(body: ReadableStream): boolean {
  return BODIES_OF_STREAMS.has(body);
}

/** A response with the same status and headers, its own to change, and another body. */
export function withBody(response: Response, body: BodyInit | null): Response {
  return new Response(body, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  });
}
