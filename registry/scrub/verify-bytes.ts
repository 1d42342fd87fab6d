import { createHash } from "node:crypto";

import { algorithmOf, finishDigest, type Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BytePace } from "./byte-pace.js";

export type Verdict =
  { readonly kind: "whole" } | { readonly kind: "damaged" | "missing" | "unreadable"; readonly why: string };

/** Reads an object whole, in the memory of one chunk, and holds it against its digest and size. */
export async function verifyBytes(
  store: ObjectStore,
  key: string,
  expected: { readonly digest: Digest; readonly size: number },
  pace: BytePace,
): Promise<Verdict> {
  const hash = createHash(algorithmOf(expected.digest));
  let size = 0;
  try {
    const body = await store.open(key);
    for await (const chunk of body.chunks) {
      hash.update(chunk);
      size += chunk.length;
      await pace.take(chunk.length);
    }
  } catch (error) {
    if (isBerthError(error, "OBJECT_UNKNOWN")) return { kind: "missing", why: "its bytes are gone" };
    if (error instanceof BerthError) return { kind: "unreadable", why: error.message };
    throw error;
  }
  const found = finishDigest(hash, algorithmOf(expected.digest));
  if (found !== expected.digest) return { kind: "damaged", why: `its ${String(size)} bytes are those of ${found}` };
  if (size === expected.size) return { kind: "whole" };
  return { kind: "damaged", why: `it has ${String(size)} bytes, and its record says ${String(expected.size)}` };
}
