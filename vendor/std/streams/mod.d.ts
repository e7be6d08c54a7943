// The published signatures of @std/streams 1.x, as far as they are used here: mod.ts says what this is for.

/** Options of `TextLineStream`. */
export interface TextLineStreamOptions {
  /** Whether a lone `\r` ends a line too. */
  allowCR?: boolean;
}

/** Cuts a stream of text into lines, without their ends. */
export declare class TextLineStream extends TransformStream<string, string> {
  constructor(options?: TextLineStreamOptions);
}

export declare function concatReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T>;
export declare function toArrayBuffer(
  stream: ReadableStream<Uint8Array>,
): Promise<ArrayBuffer>;
export declare function toBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array>;
export declare function toJson(stream: ReadableStream): Promise<unknown>;
export declare function toText(stream: ReadableStream): Promise<string>;
