import { createHash, randomBytes } from "node:crypto";

import type { HttpBody } from "./http-connection.js";

const PIECE_BYTES = 1024 * 1024;
const PIECE = randomBytes(PIECE_BYTES);

/** `bytes` bytes that no other call returns, in pieces of at most 1 MiB, with their digest. */
export function uniqueBlob(bytes: number): HttpBody & { readonly digest: string } {
  const pieces = [randomBytes(Math.min(bytes, 32))];
  for (let left = bytes - (pieces[0]?.length ?? 0); left > 0; left -= PIECE_BYTES) {
    pieces.push(left >= PIECE_BYTES ? PIECE : PIECE.subarray(0, left));
  }
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return { bytes, pieces, digest: `sha256:${hash.digest("hex")}` };
}
