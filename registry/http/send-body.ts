import type { ServerResponse } from "node:http";

import { BerthError } from "../../oci/errors.js";
import type { ObjectBody } from "../../storage/object-store.js";

/**
 * Sends an object's chunks after the headers. A chunk is handed back to the reader when the kernel has it, so two buffers
 * serve a body of any size. Returns false when the client went away.
 * @throws BerthError STORAGE when they are not as many bytes as Content-Length says: a client would take those of the next
 *   answer for the missing ones, or the surplus for the next answer
 */
export async function sendChunks(response: ServerResponse, chunks: ObjectBody["chunks"]): Promise<boolean> {
  const announced = response.getHeader("Content-Length");
  let missing = announced === undefined ? undefined : Number(announced);
  for await (const chunk of chunks) {
    if (missing !== undefined && (missing -= chunk.length) < 0)
      throw new BerthError("STORAGE", "more bytes than announced");
    if (!(await writeFully(response, chunk))) return false;
  }
  if (missing !== undefined && missing > 0) throw new BerthError("STORAGE", "fewer bytes than announced");
  return true;
}

async function writeFully(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false;
  return await new Promise<boolean>((resolve) => {
    // A socket that dies may never call back.
    const gone = (): void => {
      resolve(false);
    };
    response.once("close", gone);
    response.write(chunk, (error) => {
      response.off("close", gone);
      resolve(error === undefined || error === null);
    });
  });
}
