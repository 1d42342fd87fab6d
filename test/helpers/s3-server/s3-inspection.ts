import process from "node:process";

import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";

import type { S3Place, S3Server } from "./s3-place.js";

// Otherwise the first client tells every run that later versions will want a later Node.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** A client that is not berth's own, to look at what berth left, and to take buckets away. Destroy it. */
export function s3Client(server: S3Server): S3Client {
  const { endpoint, region, forcePathStyle, accessKeyId, secretAccessKey } = server;
  return new S3Client({ endpoint, region, forcePathStyle, credentials: { accessKeyId, secretAccessKey } });
}

export async function createBucket(server: S3Server, bucket: string): Promise<void> {
  const client = s3Client(server);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}

const DELETES_AT_ONCE = 16;

/** Removes every object and then the bucket. */
export async function removeBucket(server: S3Server, bucket: string): Promise<void> {
  const client = s3Client(server);
  try {
    const keys = await objectsAt(client, { bucket, prefix: "" });
    while (keys.length > 0) {
      const some = keys.splice(0, DELETES_AT_ONCE);
      await Promise.all(
        some.map(async (key) => await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
      );
    }
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}

/** Every key at a place, the driver's own included. */
export async function objectsAt(client: S3Client, place: Pick<S3Place, "bucket" | "prefix">): Promise<string[]> {
  const keys: string[] = [];
  const query = { Bucket: place.bucket, Prefix: place.prefix };
  for await (const page of paginateListObjectsV2({ client }, query)) {
    for (const { Key } of page.Contents ?? []) keys.push(Key ?? "");
  }
  return keys;
}

/** Keys of the multipart uploads at a place that were neither completed nor aborted. */
export async function unfinishedUploadsAt(
  client: S3Client,
  { bucket, prefix }: Pick<S3Place, "bucket" | "prefix">,
): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }));
  return Uploads.map(({ Key }) => Key ?? "");
}
