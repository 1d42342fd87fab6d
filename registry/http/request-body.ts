import type { IncomingMessage } from "node:http";

import { BerthError } from "../../oci/errors.js";
import { MemoryRoom } from "./memory-room.js";
import { partyOf } from "./party.js";
import type { RegistryRequest } from "./request.js";

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
    // Nothing more will be told of it; also when it was complete, and what was still to be read is gone.
    if (request.destroyed) {
      cut();
      return;
    }
    request.on("data", take).on("end", end).on("error", cut).on("close", cut);
  });
}

/** For bodies that are read whole. A client that announces none of its length may send as much as the limit. */
const ROOM = new MemoryRoom(128 * 1024 * 1024);
/** So little that no thousands of connections can make it much: does not wait behind large bodies that come slowly. */
const SMALL_BYTES = 16 * 1024;
/** Nobody holds room for longer: an address that sends a byte now and then is not idle. */
const READ_WITHIN_MS = 120_000;

/** @throws BerthError TOO_LARGE, before reading when the length is announced; ABORTED, also when it takes too long */
export async function readBody(ctx: RegistryRequest, limit: number): Promise<Buffer> {
  const request = ctx.req;
  const tooLarge = (): BerthError =>
    new BerthError("TOO_LARGE", `the body is larger than ${String(limit)} bytes`, { details: { limit } });
  const announced = announcedLength(request) ?? (request.headers["transfer-encoding"] === undefined ? 0 : limit);
  if (announced > limit) throw tooLarge();
  const leave = announced > SMALL_BYTES ? await ROOM.take(announced, partyOf(ctx)) : undefined;
  const late = setTimeout(() => request.destroy(), READ_WITHIN_MS);
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    await receiveBody(request, (chunk) => {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
      return undefined;
    });
    return Buffer.concat(chunks, size);
  } finally {
    clearTimeout(late);
    leave?.();
  }
}

/** Content-Length, when the client announced it. Node has refused what is not a number. */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers["content-length"];
  return header === undefined ? undefined : Number(header);
}
