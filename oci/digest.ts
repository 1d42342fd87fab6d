import { createHash, type Hash } from "node:crypto";

import { BerthError } from "./errors.js";

/** `<algorithm>:<hex>`, checked (image-spec, descriptor.md, "Digests"). */
export type Digest = `${DigestAlgorithm}:${string}`;

export type DigestAlgorithm = "sha256" | "sha512";

/** @throws BerthError DIGEST_INVALID for an unknown algorithm, wrong length, or anything but lower-case hex. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new BerthError("DIGEST_INVALID", `invalid digest ${JSON.stringify(text.slice(0, 160))}`);
}

export function isDigest(text: string): text is Digest {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The part after the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export function finishDigest(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return `${algorithm}:${hash.digest("hex")}`;
}
