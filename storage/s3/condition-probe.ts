import { randomUUID } from "node:crypto";

import { isBerthError } from "../../oci/errors.js";
import type { S3Bucket } from "./s3-bucket.js";

const RIVALS = 8;
/** Of the driver's own objects. Two stay when the process is killed while it probes. */
export const PROBE = ".probe/";

const TAKES_EVERY_CREATION = "does not keep conditional creations (If-None-Match: *)";
const LISTS_LATE = "does not list at once what was written and deleted";

/**
 * Looks whether the server keeps what the registry's pointers are built on: of parallel creations exactly one wins, a creation
 * over an existing key fails, and a listing shows what was just written, also when the same one was asked for right before. A
 * lag shorter than a request, or of what other hosts write, is not found out in this way.
 * @returns what the store does not keep, in words; undefined when it keeps everything
 * @throws BerthError STORAGE when the bucket cannot be written to
 */
export async function weaknessOf(bucket: S3Bucket): Promise<string | undefined> {
  const key = PROBE + randomUUID();
  const next = `${key}.next`;
  const lists = async (...expected: readonly string[]): Promise<boolean> => {
    const { Contents = [] } = await bucket.list(key, undefined, undefined, RIVALS);
    return Contents.map((object) => object.Key).join() === expected.map((name) => bucket.address(name).Key).join();
  };
  let weakness: string | undefined;
  try {
    if (!(await lists())) weakness = LISTS_LATE;
    if (!(await createsOnce(bucket, key))) return TAKES_EVERY_CREATION;
    // Nothing else between the last answer and the listing, which may lag by little.
    await creates(bucket, next, "");
    if (!(await lists(key, next))) weakness = LISTS_LATE;
  } finally {
    await bucket.delete(key);
    await bucket.delete(next);
  }
  return (await lists()) ? weakness : LISTS_LATE;
}

async function createsOnce(bucket: S3Bucket, key: string): Promise<boolean> {
  const won = await Promise.all(Array.from({ length: RIVALS }, async (_, i) => await creates(bucket, key, String(i))));
  if (won.filter(Boolean).length !== 1 || (await creates(bucket, key, "late"))) return false;
  return (await bucket.get(key)).toString() === String(won.indexOf(true));
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
