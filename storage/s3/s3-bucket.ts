import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from "@aws-sdk/client-s3";

import { BerthError } from "../../oci/errors.js";
import type { ByteSpan, ObjectBody } from "../object-store.js";
import { S3Body } from "./s3-body.js";
import { answerOf, isConflict, isMissing, isPreconditionFailed, s3Fault } from "./s3-faults.js";
import type { S3Settings } from "./s3-settings.js";

/** User metadata that says whose write an object is. */
export const NONCE = "berth-nonce";
const MAX_CONFLICTS = 10;
const CONFLICT_PAUSE_MS = 50;

/** One bucket and prefix, in the terms of S3; keys are the store's, without the prefix, and may begin with a dot. */
export class S3Bucket {
  readonly name: string;
  readonly prefix: string;
  /** Of every request that writes an object. */
  readonly encryption: {
    readonly ServerSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse";
    readonly SSEKMSKeyId?: string;
  };

  constructor(
    readonly client: S3Client,
    settings: S3Settings,
  ) {
    this.name = settings.bucket;
    this.prefix = settings.prefix ?? "";
    this.encryption = {
      ...(settings.serverSideEncryption !== undefined && { ServerSideEncryption: settings.serverSideEncryption }),
      ...(settings.kmsKeyId !== undefined && { SSEKMSKeyId: settings.kmsKeyId }),
    };
  }

  address(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.name, Key: this.prefix + key };
  }

  fault(error: unknown, doing: string): BerthError {
    return s3Fault(error, doing, this.name);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#put(key, bytes, {});
    } catch (error) {
      throw this.fault(error, `writing ${key}`);
    }
  }

  /**
   * Of any number of creations one resolves. An answer that got lost may have been the one that said so: when the request was
   * sent again and refused, the object tells by its nonce whether it is ours.
   * @throws BerthError ALREADY_EXISTS
   */
  async create(key: string, bytes: Uint8Array): Promise<void> {
    const nonce = randomUUID();
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#put(key, bytes, { IfNoneMatch: "*", Metadata: { [NONCE]: nonce } });
        return;
      } catch (error) {
        if (isConflict(error) && conflicts < MAX_CONFLICTS) {
          await sleep(CONFLICT_PAUSE_MS * (conflicts + 1) * Math.random());
          continue;
        }
        if (!isPreconditionFailed(error)) throw this.fault(error, `writing ${key}`);
        const sentBefore = conflicts > 0 || answerOf(error).attempts > 1;
        if (sentBefore && (await this.nonceOf(key)) === nonce) return;
        throw new BerthError("ALREADY_EXISTS", `object ${key} exists`, { cause: error });
      }
    }
  }

  /** Whose write the object is; undefined when there is none. */
  async nonceOf(key: string): Promise<string | undefined> {
    return (await this.head(key))?.Metadata?.[NONCE];
  }

  async head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    try {
      return await this.client.send(new HeadObjectCommand(this.address(key)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.fault(error, `looking at ${key}`);
    }
  }

  /** @throws BerthError OBJECT_UNKNOWN */
  async open(key: string, range?: ByteSpan): Promise<ObjectBody> {
    // There is no range of no bytes.
    if (range?.length === 0) return await this.#openEmpty(key);
    const answer = await this.#get(key, range);
    const start = range?.start ?? 0;
    const length = answer.ContentLength ?? 0;
    const size = Number(/\/(\d+)$/.exec(answer.ContentRange ?? "")?.[1] ?? length);
    return new S3Body(
      answer.Body as Readable,
      size,
      start,
      start + length,
      async (from, rest) => (await this.#get(key, { start: from, length: rest }, answer.ETag)).Body as Readable,
      (error) => this.fault(error, `reading ${key}`),
    );
  }

  async #openEmpty(key: string): Promise<ObjectBody> {
    const found = await this.head(key);
    if (found === undefined) throw unknownObject(key);
    const reopen = async (): Promise<Readable> => await Promise.resolve(Readable.from([]));
    return new S3Body(Readable.from([]), found.ContentLength ?? 0, 0, 0, reopen, (error) => this.fault(error, key));
  }

  async get(key: string): Promise<Buffer> {
    const body = await this.open(key);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body.chunks) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async list(
    prefix: string,
    startAfter: string | undefined,
    delimiter: string | undefined,
    limit: number,
  ): Promise<ListObjectsV2CommandOutput> {
    try {
      return await this.client.send(
        new ListObjectsV2Command({
          Bucket: this.name,
          Prefix: this.prefix + prefix,
          MaxKeys: limit,
          ...(startAfter !== undefined && { StartAfter: this.prefix + startAfter }),
          ...(delimiter !== undefined && { Delimiter: delimiter }),
        }),
      );
    } catch (error) {
      throw this.fault(error, `listing ${prefix}`);
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await this.client.send(new DeleteObjectCommand(this.address(key)));
    } catch (error) {
      if (!isMissing(error)) throw this.fault(error, `deleting ${key}`);
    }
  }

  async #put(
    key: string,
    bytes: Uint8Array,
    more: { IfNoneMatch?: string; Metadata?: Record<string, string> },
  ): Promise<void> {
    await this.client.send(
      new PutObjectCommand({
        ...this.address(key),
        ...this.encryption,
        ...more,
        Body: bytes,
        ContentLength: bytes.length,
        ContentType: "application/octet-stream",
      }),
    );
  }

  async #get(key: string, range: ByteSpan | undefined, etag?: string): Promise<GetObjectCommandOutput> {
    try {
      return await this.client.send(
        new GetObjectCommand({
          ...this.address(key),
          ...(range && { Range: `bytes=${String(range.start)}-${String(range.start + range.length - 1)}` }),
          ...(etag !== undefined && { IfMatch: etag }),
        }),
      );
    } catch (error) {
      if (isMissing(error)) throw unknownObject(key);
      throw this.fault(error, `reading ${key}`);
    }
  }
}

function unknownObject(key: string): BerthError {
  return new BerthError("OBJECT_UNKNOWN", `no object ${key}`);
}
