import {
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload as Found,
} from "@aws-sdk/client-s3";

import { PROBE } from "./condition-probe.js";
import { MultipartUpload } from "./multipart-upload.js";
import type { S3Bucket } from "./s3-bucket.js";
import { TAILS } from "./upload-tails.js";

/**
 * Aborts the multipart uploads that were begun before `before`, and deletes the driver's own objects that were written before
 * it: their writers were killed, or nobody has gone on. Returns how many of both there were.
 * @param isAbandoned asked for the key of each such upload
 */
export async function sweepLeftovers(
  bucket: S3Bucket,
  before: number,
  isAbandoned: (key: string) => Promise<boolean> = async () => await Promise.resolve(true),
): Promise<number> {
  let swept = 0;
  try {
    for await (const { Key = "", UploadId = "", Initiated } of unfinishedUploads(bucket)) {
      if ((Initiated?.getTime() ?? Infinity) >= before) continue;
      const key = Key.slice(bucket.prefix.length);
      if (!(await isAbandoned(key))) continue;
      await new MultipartUpload(bucket, key, UploadId, "").abort();
      swept++;
    }
    for (const own of [TAILS, PROBE]) swept += await deleteOld(bucket, own, before);
  } catch (error) {
    throw bucket.fault(error, "looking for abandoned uploads");
  }
  return swept;
}

async function deleteOld(bucket: S3Bucket, own: string, before: number): Promise<number> {
  let deleted = 0;
  const query = { Bucket: bucket.name, Prefix: bucket.prefix + own };
  for await (const page of paginateListObjectsV2(bucket, query)) {
    for (const { Key = "", LastModified } of page.Contents ?? []) {
      if ((LastModified?.getTime() ?? Infinity) >= before) continue;
      await bucket.delete(Key.slice(bucket.prefix.length));
      deleted++;
    }
  }
  return deleted;
}

async function* unfinishedUploads({ client, name, prefix }: S3Bucket): AsyncGenerator<Found> {
  let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (after !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix, ...after }),
    );
    yield* page.Uploads ?? [];
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    const more = page.IsTruncated === true && KeyMarker !== undefined;
    after = more ? { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) } : undefined;
  }
}
