import { randomUUID } from "node:crypto";

import type { ByteSpan, ObjectBody } from "../../storage/object-store.js";
import { contentRange } from "./byte-range.js";

interface MultipartRanges {
  readonly contentType: string;
  readonly length: number;
  chunks(open: (span: ByteSpan) => Promise<ObjectBody>): AsyncIterable<Uint8Array>;
}

/** Several ranges of one thing: multipart/byteranges (RFC 9110, 14.6). */
export function multipartRanges(type: string, size: number, spans: readonly ByteSpan[]): MultipartRanges {
  const boundary = randomUUID();
  const heads = spans.map((span) =>
    Buffer.from(`\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(span, size)}\r\n\r\n`),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    length: sum(heads.map((head) => head.length)) + sum(spans.map((span) => span.length)) + tail.length,
    async *chunks(open) {
      for (const [i, span] of spans.entries()) {
        const head = heads[i];
        if (head !== undefined) yield head;
        yield* (await open(span)).chunks;
      }
      yield tail;
    },
  };
}
