/** Typed facade of `@std/streams` over the plain JavaScript build on npm. */
import * as npm from "npm:deno-std@1.4.0/streams/mod.js";

type Bytes = Uint8Array<ArrayBuffer>;

export const toText: (stream: ReadableStream) => Promise<string> = npm.toText;
export const toBytes: (stream: ReadableStream<Uint8Array>) => Promise<Bytes> = npm.toBytes;
export const toJson: (stream: ReadableStream) => Promise<unknown> = npm.toJson;
export const concatReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  npm.concatReadableStreams;
export const mergeReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  npm.mergeReadableStreams;
export const TextLineStream: {
  new (options?: { allowCR?: boolean }): TransformStream<string, string>;
} = npm.TextLineStream;
export const DelimiterStream: {
  new (
    delimiter: Uint8Array,
    options?: { disposition?: "suffix" | "prefix" | "discard" },
  ): TransformStream<Uint8Array, Bytes>;
} = npm.DelimiterStream;
