import * as v from "valibot";

import type { StoreSettings } from "../../storage/open-store.js";
import { MIN_PART_SIZE, type S3Settings } from "../../storage/s3/s3-settings.js";
import { count, flag, httpUrl, text } from "./values.js";

/** Components of an object key, so that what is below the prefix is a store like any other. */
const prefix = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9!_-][A-Za-z0-9!._-]*(?:\/[A-Za-z0-9!_-][A-Za-z0-9!._-]*)*\/?$/, "is not a prefix of keys"),
  v.transform((given) => (given.endsWith("/") ? given : `${given}/`)),
);

const s3Settings = v.pipe(
  v.strictObject({
    bucket: text,
    /** Before every key, so that several registries share a bucket. */
    prefix: v.optional(prefix),
    /** Absent for AWS. */
    endpoint: v.optional(httpUrl),
    /** Where clients reach the same server, for redirects. */
    publicEndpoint: v.optional(httpUrl),
    region: v.optional(text),
    /** By default with an endpoint, and not for AWS. */
    forcePathStyle: v.optional(flag),
    /** Absent: AWS's chain of environment, shared files, web identity and the instance's role. */
    accessKeyId: v.optional(text),
    secretAccessKey: v.optional(text),
    sessionToken: v.optional(text),
    /** PEM file with certificates to trust besides the usual ones. */
    caFile: v.optional(text),
    serverSideEncryption: v.optional(
      v.picklist(["AES256", "aws:kms", "aws:kms:dsse"], "is none of AES256, aws:kms, aws:kms:dsse"),
    ),
    kmsKeyId: v.optional(text),
    /** Bytes of a part of a large blob. A blob has 10,000 parts at most. */
    partSize: v.optional(count(MIN_PART_SIZE)),
    /** Parts of all pushes together that are in memory at one time. */
    partsInMemory: v.optional(count(1)),
    maxAttempts: v.optional(count(1)),
    idleTimeoutSeconds: v.optional(count(1)),
  }),
  v.check(
    ({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined),
    "accessKeyId and secretAccessKey come together",
  ),
  v.check(
    ({ serverSideEncryption, kmsKeyId }) =>
      kmsKeyId === undefined || serverSideEncryption?.startsWith("aws:kms") === true,
    "kmsKeyId is for serverSideEncryption aws:kms",
  ),
);

/** Where the registry keeps everything. Absent: the directory that `root` names. */
export const storageSection = v.optional(
  v.pipe(
    v.strictObject({
      filesystem: v.optional(
        v.strictObject({
          root: text,
          /** What is beyond so many bytes of a blob is written, and read for the first time, partly around the page cache. */
          stripedFrom: v.optional(count(0)),
        }),
      ),
      s3: v.optional(s3Settings),
      /** Send clients to the store for blobs, where it has URLs for them. Off for clients that cannot reach the store. */
      redirect: v.optional(flag, true),
    }),
    v.check(
      ({ filesystem, s3 }) => filesystem === undefined || s3 === undefined,
      "is a directory or a bucket, not both",
    ),
  ),
  {},
);

export type StorageSettings = v.InferOutput<typeof storageSection>;

/** @param root the directory where nothing else is said */
export function storeSettingsOf({ filesystem, s3 }: StorageSettings, root: string): StoreSettings {
  return s3 === undefined ? { filesystem: filesystem ?? { root } } : { s3: s3SettingsOf(s3) };
}

function s3SettingsOf({ idleTimeoutSeconds, ...settings }: v.InferOutput<typeof s3Settings>): S3Settings {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return {
    ...given,
    bucket: settings.bucket,
    ...(idleTimeoutSeconds !== undefined && { idleTimeoutMs: idleTimeoutSeconds * 1000 }),
  };
}
