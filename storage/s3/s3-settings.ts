/** Where the objects are and how the server wants to be spoken to. */
export interface S3Settings {
  readonly bucket: string;
  /** Before every key; "" or ends in `/`. Several registries may share a bucket under different prefixes. */
  readonly prefix?: string;
  /** `https://host[:port]`; absent for AWS. */
  readonly endpoint?: string;
  /** Where clients reach the same server, for redirects; `endpoint` when absent. */
  readonly publicEndpoint?: string;
  /** AWS_REGION when absent, and `us-east-1` without that: servers other than AWS take any. */
  readonly region?: string;
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. By default where an endpoint is given. */
  readonly forcePathStyle?: boolean;
  /** Absent: the SDK's chain of environment, shared files, web identity, and the instance's role. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** PEM file with certificates to trust besides the usual ones. */
  readonly caFile?: string;
  readonly serverSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse";
  readonly kmsKeyId?: string;
  /** Bytes of each part of a large object but the last; 5 MiB is the least that S3 takes, and an object has 10,000 at most. */
  readonly partSize?: number;
  /** Parts in memory at one time, of all uploads of this process together. */
  readonly partsInMemory?: number;
  /** Tries of each request before it counts as failed. */
  readonly maxAttempts?: number;
  /** A connection that moves no byte for so long is given up. */
  readonly idleTimeoutMs?: number;
}

export const MIN_PART_SIZE = 5 * 1024 * 1024;
export const DEFAULT_PART_SIZE = 16 * 1024 * 1024;
export const MAX_PARTS = 10_000;
