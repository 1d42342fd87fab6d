import type { IncomingMessage } from "node:http";

import { BerthError } from "../../oci/errors.js";

/** Takes a chunk; a promise asks for a pause. */
export type ChunkSink = (chunk: Buffer) => Promise<void> | undefined;

/**
 * Feeds the request's body to `sink`. Listens to events instead of iterating: an iteration costs a turn of the event loop
 * per 64 KiB, a fifth of the rate at which a push arrives.
 * @throws BerthError ABORTED when the body ends before its Content-Length or its last chunk; what `sink` rejects with
 */
export async function receiveBody(request: IncomingMessage, sink: ChunkSink): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      request.off("data", take).off("end", end).off("error", cut).off("close", cut);
    };
    const fail = (error: unknown): void => {
      stop();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const take = (chunk: Buffer): void => {
      try {
        const pause = sink(chunk);
        if (pause === undefined) return;
        request.pause();
        pause.then(() => request.resume(), fail);
      } catch (error) {
        fail(error);
      }
    };
    const end = (): void => {
      stop();
      resolve();
    };
    const cut = (cause?: unknown): void => {
      if (request.complete && request.readableEnded) end();
      else fail(new BerthError("ABORTED", "the client went away before its body ended", { cause }));
    };
    if (request.destroyed && !request.complete) {
      cut();
      return;
    }
    request.on("data", take).on("end", end).on("error", cut).on("close", cut);
  });
}

/** @throws BerthError TOO_LARGE, before reading when the length is announced; ABORTED */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): BerthError =>
    new BerthError("TOO_LARGE", `the body is larger than ${String(limit)} bytes`, { details: { limit } });
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  await receiveBody(request, (chunk) => {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
    return undefined;
  });
  return Buffer.concat(chunks, size);
}

/** Content-Length, when the client announced it. Node has refused what is not a number. */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers["content-length"];
  return header === undefined ? undefined : Number(header);
}
