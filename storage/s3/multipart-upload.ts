import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";

import { BerthError } from "../../oci/errors.js";
import { NONCE, type S3Bucket } from "./s3-bucket.js";
import { answerOf, isConflict, isMissing, isPreconditionFailed } from "./s3-faults.js";

const MAX_CONFLICTS = 10;
const CONFLICT_PAUSE_MS = 100;

/** S3's multipart upload straight to the final key. */
export class MultipartUpload {
  constructor(
    private readonly bucket: S3Bucket,
    private readonly key: string,
    readonly id: string,
    /** Metadata of the finished object: whose it is. */
    readonly nonce: string,
  ) {}

  static async begin(bucket: S3Bucket, key: string): Promise<MultipartUpload> {
    const nonce = randomUUID();
    const command = new CreateMultipartUploadCommand({
      ...bucket.address(key),
      ...bucket.encryption,
      ContentType: "application/octet-stream",
      Metadata: { [NONCE]: nonce },
    });
    try {
      const { UploadId = "" } = await bucket.client.send(command);
      return new MultipartUpload(bucket, key, UploadId, nonce);
    } catch (error) {
      throw bucket.fault(error, `beginning the upload of ${key}`);
    }
  }

  /** @returns the part's ETag @throws BerthError OBJECT_UNKNOWN when the upload is gone */
  async uploadPart(number: number, bytes: Uint8Array): Promise<string> {
    const command = new UploadPartCommand({
      ...this.#address(),
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.length,
    });
    try {
      const { ETag } = await this.bucket.client.send(command);
      if (ETag === undefined) throw new BerthError("STORAGE", `the server gave part ${String(number)} no ETag`);
      return ETag;
    } catch (error) {
      if (isMissing(error)) throw this.#unknown();
      throw this.bucket.fault(error, `writing part ${String(number)} of ${this.key}`);
    }
  }

  /**
   * Where the server does not keep If-None-Match here (Ceph RGW 16), an existing object would be replaced: whoever begins an
   * upload again that another process has completed would put other bytes in the place of those. So the object is looked for
   * first. An answer that got lost may have been the good one: the next attempt then finds the upload gone, and the object in
   * place with our nonce.
   * @throws BerthError ALREADY_EXISTS; OBJECT_UNKNOWN when somebody has aborted the upload
   */
  async complete(etags: readonly string[], size: number): Promise<void> {
    if ((await this.bucket.head(this.key)) !== undefined) throw this.#exists();
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.bucket.client.send(
          new CompleteMultipartUploadCommand({
            ...this.#address(),
            IfNoneMatch: "*",
            MultipartUpload: { Parts: etags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) },
          }),
        );
        return;
      } catch (error) {
        if (isConflict(error) && conflicts < MAX_CONFLICTS) {
          await sleep(CONFLICT_PAUSE_MS * (conflicts + 1) * Math.random());
          continue;
        }
        if (!isMissing(error) && !isPreconditionFailed(error)) {
          throw this.bucket.fault(error, `completing the upload of ${this.key}`);
        }
        const found = await this.bucket.head(this.key);
        const sentBefore = conflicts > 0 || answerOf(error).attempts > 1;
        if (sentBefore && found?.Metadata?.[NONCE] === this.nonce && found.ContentLength === size) return;
        if (found === undefined) throw this.#unknown();
        throw this.#exists(error);
      }
    }
  }

  /** Idempotent. */
  async abort(): Promise<void> {
    try {
      await this.bucket.client.send(new AbortMultipartUploadCommand(this.#address()));
    } catch (error) {
      if (!isMissing(error)) throw this.bucket.fault(error, `aborting the upload of ${this.key}`);
    }
  }

  /** False once it was completed or aborted. */
  async exists(): Promise<boolean> {
    try {
      await this.bucket.client.send(new ListPartsCommand({ ...this.#address(), MaxParts: 1 }));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw this.bucket.fault(error, `looking at the upload of ${this.key}`);
    }
  }

  #address(): { Bucket: string; Key: string; UploadId: string } {
    return { ...this.bucket.address(this.key), UploadId: this.id };
  }

  #exists(cause?: unknown): BerthError {
    return new BerthError("ALREADY_EXISTS", `object ${this.key} exists`, { cause });
  }

  #unknown(): BerthError {
    return new BerthError("OBJECT_UNKNOWN", `the upload of ${this.key} is gone`);
  }
}
