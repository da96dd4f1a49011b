/** Bodies that read a file in bounded chunks and break when it is not the file that was promised. */

/** What identifies the file whose length and validators were already sent. */
export interface FileIdentity {
  path: string;
  dev: number;
  ino: number | null;
  size: number;
}

/** A piece of a body: literal bytes, or a stretch of the file. */
export type Part = Uint8Array<ArrayBuffer> | { start: number; length: number };

/**
 * A stream over `parts` of one file. The file is opened at the first pull, so a response that is
 * dropped unread holds nothing; it is closed at the end, on cancel and on error.
 *
 * The stream errors (it never ends early and cleanly) when the file was replaced since
 * `identity` was taken, or turns out shorter: the length is on the wire by then, and a clean end
 * would let the receiver take a torn file for a whole one.
 */
export function fileStream(
  identity: FileIdentity,
  parts: readonly Part[],
  chunkBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let file: Deno.FsFile | undefined;
  let partIndex = 0;
  let doneInPart = 0;
  let position = 0;
  function close(): void {
    const opened = file;
    file = undefined;
    opened?.close();
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      try {
        const part = parts[partIndex];
        if (part === undefined) {
          close();
          controller.close();
          return;
        }
        if (part instanceof Uint8Array) {
          partIndex++;
          controller.enqueue(part);
        } else {
          file ??= openSame(identity);
          if (doneInPart === 0 && position !== part.start) {
            position = await file.seek(part.start, Deno.SeekMode.Start);
          }
          const wanted = Math.min(chunkBytes, part.length - doneInPart);
          const buffer = new Uint8Array(wanted);
          const count = await file.read(buffer);
          if (count === null) throw new FileChangedError(identity.path, "it became shorter");
          position += count;
          doneInPart += count;
          if (doneInPart === part.length) {
            partIndex++;
            doneInPart = 0;
          }
          controller.enqueue(count === wanted ? buffer : buffer.subarray(0, count));
        }
        if (partIndex === parts.length) {
          close();
          controller.close();
        }
      } catch (error) {
        close();
        throw error;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}

function openSame(identity: FileIdentity): Deno.FsFile {
  const file = Deno.openSync(identity.path, { read: true });
  const info = file.statSync();
  // A file that grew is served up to the promised length: a log being appended to is no error.
  if (info.dev !== identity.dev || info.ino !== identity.ino || info.size < identity.size) {
    file.close();
    throw new FileChangedError(identity.path, "it was replaced");
  }
  return file;
}

/** A file changed between the answer's header and its body; the body's stream fails with this. */
export class FileChangedError extends Error {
  /** Always `"FileChangedError"`. */
  override readonly name = "FileChangedError";
  /** Always `"ERR_FILE_CHANGED"`. */
  readonly code = "ERR_FILE_CHANGED";
  /** The file's path. */
  readonly path: string;

  /** Made by the streams of `serveFile`. */
  constructor(path: string, how: string) {
    super(`Cannot go on sending "${path}": ${how} while it was being sent`);
    this.path = path;
  }
}
