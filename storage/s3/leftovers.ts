import {
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload as Found,
} from "@aws-sdk/client-s3";

import { MultipartUpload } from "./multipart-upload.js";
import type { S3Bucket } from "./s3-bucket.js";
import { TAILS } from "./upload-tails.js";

/**
 * Aborts the multipart uploads that were begun before `before`, and deletes the tails that were written before it: their
 * writers were killed, or nobody has gone on. Returns how many of both there were.
 */
export async function sweepLeftovers(bucket: S3Bucket, before: number): Promise<number> {
  let swept = 0;
  try {
    for await (const { Key = "", UploadId = "", Initiated } of unfinishedUploads(bucket)) {
      if ((Initiated?.getTime() ?? Infinity) >= before) continue;
      await new MultipartUpload(bucket, Key.slice(bucket.prefix.length), UploadId, "").abort();
      swept++;
    }
    const query = { Bucket: bucket.name, Prefix: bucket.prefix + TAILS };
    for await (const page of paginateListObjectsV2(bucket, query)) {
      for (const { Key = "", LastModified } of page.Contents ?? []) {
        if ((LastModified?.getTime() ?? Infinity) >= before) continue;
        await bucket.delete(Key.slice(bucket.prefix.length));
        swept++;
      }
    }
  } catch (error) {
    throw bucket.fault(error, "looking for abandoned uploads");
  }
  return swept;
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
