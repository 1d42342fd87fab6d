import { randomUUID } from "node:crypto";

import { isBerthError } from "../../oci/errors.js";
import type { S3Bucket } from "./s3-bucket.js";

const RIVALS = 8;
/** Of the driver's own objects. One stays when the process is killed while it probes. */
export const PROBE = ".probe/";

/**
 * Whether the server keeps what the registry's pointers are built on: of parallel creations exactly one wins, a creation over an
 * existing key fails, and a listing shows what was just written.
 * @throws BerthError STORAGE when the bucket cannot be written to
 */
export async function keepsConditions(bucket: S3Bucket): Promise<boolean> {
  const key = PROBE + randomUUID();
  try {
    const won = await Promise.all(
      Array.from({ length: RIVALS }, async (_, i) => await creates(bucket, key, String(i))),
    );
    if (won.filter(Boolean).length !== 1 || (await creates(bucket, key, "late"))) return false;
    if ((await bucket.get(key)).toString() !== String(won.indexOf(true))) return false;
    const { Contents = [] } = await bucket.list(key, undefined, undefined, 1);
    return Contents.length === 1;
  } finally {
    await bucket.delete(key);
  }
}

async function creates(bucket: S3Bucket, key: string, value: string): Promise<boolean> {
  try {
    await bucket.create(key, Buffer.from(value));
    return true;
  } catch (error) {
    if (isBerthError(error, "ALREADY_EXISTS")) return false;
    throw error;
  }
}
