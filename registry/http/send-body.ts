import type { ServerResponse } from "node:http";

import type { ObjectBody } from "../../storage/object-store.js";

/**
 * Sends an object's chunks after the headers. A chunk is handed back to the reader when the kernel has it, so two buffers
 * serve a body of any size. Returns false when the client went away.
 */
export async function sendChunks(response: ServerResponse, chunks: ObjectBody["chunks"]): Promise<boolean> {
  for await (const chunk of chunks) {
    if (!(await writeFully(response, chunk))) return false;
  }
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
