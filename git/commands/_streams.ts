/**
 * Where commands write: the streams of the process, a pager, or the buffers of a test.
 *
 * @module
 */

function writeTo(stream: { writeSync(data: Uint8Array): number }): (data: Uint8Array) => void {
  return (data) => {
    for (let at = 0; at < data.length;) at += stream.writeSync(data.subarray(at));
  };
}

/** Takes what commands write; whoever replaces an entry puts it back. */
export const streams: { out: (data: Uint8Array) => void; err: (data: Uint8Array) => void } = {
  out: writeTo(Deno.stdout),
  err: writeTo(Deno.stderr),
};
