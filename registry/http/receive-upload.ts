import { BerthError, isBerthError } from "../../oci/errors.js";
import type { Gauge } from "../policy/quotas.js";
import type { HeldUpload } from "../uploads/held-upload.js";
import { announcedLength, receiveBody } from "./request-body.js";
import type { RegistryRequest } from "./request.js";

/**
 * Receives the request's body into the upload and then runs `finish`, which must end the hold. When the body or the store
 * fails, what came in whole order stays for the client to go on with; what is too much for a quota does not.
 * @param gauges of the upload's size
 */
export async function receiveInto(
  ctx: RegistryRequest,
  held: HeldUpload,
  gauges: readonly Gauge[],
  finish: () => Promise<void>,
): Promise<void> {
  const gauge: Gauge = (size) => {
    for (const one of gauges) one(size);
  };
  try {
    const { session } = held;
    let { size } = session;
    gauge(size + (announcedLength(ctx.req) ?? 0));
    if (announcedLength(ctx.req) !== 0) {
      await session.open();
      await receiveBody(ctx.req, (chunk) => {
        held.assertHeld();
        size += chunk.length;
        gauge(size);
        return session.write(chunk);
      });
    }
  } catch (error) {
    // Nothing is left to go on with when the bytes are gone.
    await (isBerthError(error, "UPLOAD_UNKNOWN", "DENIED") ? held.cancel() : held.leave());
    throw error;
  }
  // Syncing a large blob, or reading it once more for its digest, takes as long as it takes: a connection that waits for
  // us is not idle.
  const { socket } = ctx.req;
  const idleTimeout = socket.timeout ?? 0;
  socket.setTimeout(0);
  try {
    await finish();
  } finally {
    socket.setTimeout(idleTimeout);
  }
}

/** Content-Length must agree with Content-Range. @throws BerthError SIZE_INVALID */
export function checkLength(ctx: RegistryRequest, length: number): void {
  const announced = announcedLength(ctx.req);
  if (announced === undefined || announced === length) return;
  throw new BerthError("SIZE_INVALID", "Content-Length and Content-Range disagree", {
    details: { contentLength: announced, contentRange: length },
  });
}
