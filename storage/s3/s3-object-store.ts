import type { S3Client } from "@aws-sdk/client-s3";

import { BerthError } from "../../oci/errors.js";
import { assertKeyPrefix, assertObjectKey } from "../object-key.js";
import {
  MAX_LIST_PAGE,
  type ByteSpan,
  type ListPage,
  type ListQuery,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  type StoreTraits,
  type UploadWriter,
} from "../object-store.js";
import { BulkDeletion } from "./bulk-deletion.js";
import { weaknessOf } from "./condition-probe.js";
import { LateDeletions } from "./late-deletions.js";
import { LoneCreation } from "./lone-creation.js";
import { PartBuffers } from "./part-buffers.js";
import { S3Bucket } from "./s3-bucket.js";
import { s3ClientOf } from "./s3-client.js";
import { DEFAULT_PART_SIZE, MIN_PART_SIZE, type S3Settings } from "./s3-settings.js";
import { S3Upload, type UploadPlace } from "./s3-upload.js";
import { UrlSigner } from "./url-signer.js";
import { sweepLeftovers } from "./leftovers.js";

/** See StoreTraits.staleForMs. */
const STALE_FOR_MS = 30_000;
const DEFAULT_PARTS_IN_MEMORY = 4;
/** Sorts after every character that a key may have. */
const AFTER_ALL = "~";

/** Objects are objects; the driver's own, whose keys begin with a dot, are the remainders of uploads and those of the probe. */
export class S3ObjectStore implements ObjectStore {
  readonly #signer: UrlSigner;
  readonly #deletion: BulkDeletion;
  readonly #uploads: UploadPlace;
  /** Creates what must not be there yet. */
  readonly #creation: Pick<S3Bucket, "create">;

  private constructor(
    private readonly bucket: S3Bucket,
    /** Signs for the endpoint that clients see. */
    private readonly signingClient: S3Client,
    buffers: PartBuffers,
    private readonly partSize: number,
    readonly traits: StoreTraits,
  ) {
    this.#signer = new UrlSigner(signingClient, bucket.name);
    this.#deletion = new BulkDeletion(bucket);
    this.#uploads = { bucket, buffers, deletions: new LateDeletions(this.#deletion) };
    this.#creation = traits.conditionalCreate ? bucket : new LoneCreation(bucket);
  }

  /**
   * Looks whether the server keeps what we build on, unless `probe` is false (then it is taken to do so).
   * @throws BerthError STORAGE when the bucket cannot be used
   */
  static async open(settings: S3Settings, options: { readonly probe?: boolean } = {}): Promise<S3ObjectStore> {
    const partSize = settings.partSize ?? DEFAULT_PART_SIZE;
    if (partSize < MIN_PART_SIZE) {
      throw new BerthError(
        "STORAGE",
        `a part of ${String(partSize)} bytes is below S3's least, ${String(MIN_PART_SIZE)}`,
      );
    }
    const client = s3ClientOf(settings);
    const { publicEndpoint } = settings;
    const signer = publicEndpoint === undefined ? client : s3ClientOf(settings, publicEndpoint);
    const buffers = new PartBuffers(settings.partsInMemory ?? DEFAULT_PARTS_IN_MEMORY, partSize);
    const bucket = new S3Bucket(client, settings);
    try {
      const weakness = options.probe === false ? undefined : await weaknessOf(bucket);
      const traits: StoreTraits = {
        conditionalCreate: weakness === undefined,
        ...(weakness !== undefined && { weakness }),
        staleForMs: STALE_FOR_MS,
        remote: true,
      };
      return new S3ObjectStore(bucket, signer, buffers, partSize, traits);
    } catch (error) {
      client.destroy();
      signer.destroy();
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    assertObjectKey(key);
    await options.after;
    await (options.ifAbsent === true ? this.#creation.create(key, bytes) : this.bucket.put(key, bytes));
  }

  async openUpload(key: string, state?: string): Promise<UploadWriter> {
    assertObjectKey(key);
    if (state === undefined) return S3Upload.begin(this.#uploads, key, this.partSize);
    return await S3Upload.resume(this.#uploads, key, state);
  }

  async get(key: string): Promise<Buffer> {
    assertObjectKey(key);
    return await this.bucket.get(key);
  }

  async open(key: string, range?: ByteSpan): Promise<ObjectBody> {
    assertObjectKey(key);
    return await this.bucket.open(key, range);
  }

  async stat(key: string): Promise<ObjectInfo | undefined> {
    assertObjectKey(key);
    const found = await this.bucket.head(key);
    return found && { size: found.ContentLength ?? 0, modifiedAt: found.LastModified?.getTime() ?? 0 };
  }

  async list({ prefix, startAfter, delimiter, limit = MAX_LIST_PAGE }: ListQuery): Promise<ListPage> {
    assertKeyPrefix(prefix);
    if (limit <= 0) return { keys: [], prefixes: [] };
    let after = delimiter === undefined ? startAfter : afterGroup(prefix, startAfter);
    for (;;) {
      const page = await this.bucket.list(prefix, after, delimiter, Math.min(limit, MAX_LIST_PAGE));
      const ofStore = ({ length }: { length: number }, name: string | undefined): string => name?.slice(length) ?? "";
      const all = (page.Contents ?? []).map(({ Key }) => ofStore(this.bucket.prefix, Key));
      const groups = (page.CommonPrefixes ?? []).map(({ Prefix }) => ofStore(this.bucket.prefix, Prefix));
      const last = [all.at(-1) ?? "", groups.at(-1) ?? ""].sort().at(-1);
      const keys = all.filter((key) => !key.startsWith("."));
      const prefixes = groups.filter((group) => !group.startsWith("."));
      if (page.IsTruncated !== true || last === undefined) return { keys, prefixes };
      // Whoever reads page after page would read this one for ever.
      if (after !== undefined && last <= after) {
        const message = `bucket ${this.bucket.name} gives a page of a listing again: its server does not heed start-after`;
        throw new BerthError("STORAGE", message);
      }
      if (keys.length + prefixes.length > 0) return { keys, prefixes, next: last };
      // Nothing but the driver's own.
      after = delimiter === undefined ? last : afterGroup(prefix, last);
    }
  }

  async delete(key: string): Promise<void> {
    assertObjectKey(key);
    await this.bucket.delete(key);
  }

  async deleteAll(keys: readonly string[]): Promise<void> {
    for (const key of keys) assertObjectKey(key);
    await this.#deletion.delete(keys);
  }

  /** A look at an object costs as much as the object. */
  async stampOf(): Promise<undefined> {
    return await Promise.resolve(undefined);
  }

  async presign(key: string, lifetimeSeconds: number): Promise<string> {
    assertObjectKey(key);
    try {
      return await this.#signer.sign(this.bucket.prefix + key, lifetimeSeconds);
    } catch (error) {
      throw this.bucket.fault(error, "signing a URL");
    }
  }

  async sweepUploads(ageMs: number, isAbandoned?: (key: string) => Promise<boolean>): Promise<number> {
    return await sweepLeftovers(this.bucket, Date.now() - ageMs, isAbandoned);
  }

  async close(): Promise<void> {
    await this.#uploads.deletions.settle();
    this.bucket.client.destroy();
    this.signingClient.destroy();
  }
}

/** A common prefix sorts before everything it stands for, and must not come again because some of that comes after it. */
function afterGroup(prefix: string, startAfter: string | undefined): string | undefined {
  if (startAfter === undefined || !startAfter.startsWith(prefix)) return startAfter;
  const end = startAfter.indexOf("/", prefix.length);
  return end < 0 ? startAfter : startAfter.slice(0, end + 1) + AFTER_ALL;
}
