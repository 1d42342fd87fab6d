/** What an S3 client needs to know; the registry's `storage.s3` settings are a superset. */
export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Ends in `/`; of this place alone. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly forcePathStyle: boolean;
}

export type S3Server = Omit<S3Place, "bucket" | "prefix">;
