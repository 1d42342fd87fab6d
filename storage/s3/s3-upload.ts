import { BerthError } from "../../oci/errors.js";
import type { UploadWriter } from "../object-store.js";
import { MultipartUpload } from "./multipart-upload.js";
import { PartAssembly } from "./part-assembly.js";
import type { LateDeletions } from "./late-deletions.js";
import type { PartBuffer, PartBuffers } from "./part-buffers.js";
import type { S3Bucket } from "./s3-bucket.js";
import { MAX_PARTS } from "./s3-settings.js";
import { parseUploadState, type UploadState } from "./upload-state.js";
import { UploadTails } from "./upload-tails.js";

/** What all uploads of a store share. */
export interface UploadPlace {
  readonly bucket: S3Bucket;
  readonly buffers: PartBuffers;
  readonly deletions: LateDeletions;
}

/**
 * Parts go straight to the final key while the bytes come in; an upload that ends within its first part is one conditional
 * PUT. A part is sent from the buffer that it was collected in, and `write` waits when no other is free.
 */
export class S3Upload implements UploadWriter {
  readonly #tails: UploadTails;
  readonly #assembly: PartAssembly;
  readonly #etags: (string | undefined)[];
  readonly #sending = new Set<Promise<void>>();
  #size: number;
  #multipart: Promise<MultipartUpload> | undefined;
  #failure: BerthError | undefined;
  #ended = false;

  private constructor(
    private readonly place: UploadPlace,
    private readonly key: string,
    private readonly partSize: number,
    /** The last state that was given out. */
    private state: UploadState | undefined,
  ) {
    this.#size = state?.size ?? 0;
    this.#etags = [...(state?.parts ?? [])];
    const { bucket, buffers, deletions } = place;
    this.#tails = new UploadTails(bucket, deletions, state);
    const send = (part: PartBuffer): void => {
      this.#send(part);
    };
    this.#assembly = new PartAssembly(buffers, partSize, this.#tails, send, state);
    if (state?.multipart !== undefined) {
      const { id, nonce } = state.multipart;
      this.#multipart = Promise.resolve(new MultipartUpload(bucket, key, id, nonce));
    }
  }

  static begin(place: UploadPlace, key: string, partSize: number): S3Upload {
    return new S3Upload(place, key, partSize, undefined);
  }

  /** @throws BerthError OBJECT_UNKNOWN */
  static async resume(place: UploadPlace, key: string, text: string): Promise<S3Upload> {
    const state = parseUploadState(text);
    const upload = new S3Upload(place, key, state.partSize, state);
    if (await upload.isCurrent()) return upload;
    throw new BerthError("OBJECT_UNKNOWN", `the upload of ${key} is gone`);
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.reject(new BerthError("STORAGE", "the upload has ended"));
    this.#size += chunk.length;
    const waiting = this.#assembly.append(chunk);
    return waiting === undefined ? undefined : this.#noticing(waiting);
  }

  async suspend(): Promise<string> {
    const stored = await this.#noticing(this.#assembly.store());
    await this.#settled();
    const multipart = await this.#multipart;
    const { formerTail } = this.#tails.enact(stored.tail);
    this.state = {
      size: this.#size,
      partSize: this.partSize,
      parts: this.#allEtags(),
      ...(multipart !== undefined && { multipart: { id: multipart.id, nonce: multipart.nonce } }),
      ...stored,
      ...(formerTail !== undefined && { formerTail }),
    };
    return JSON.stringify(this.state);
  }

  prepare(): void {
    // A part is on its way as soon as it is full, and what is left has no place before the end.
  }

  async complete(): Promise<void> {
    await this.#settled();
    if (this.#multipart === undefined) {
      await this.#assembly.withBytes(async (bytes) => {
        await this.place.bucket.create(this.key, bytes);
      });
    } else {
      const multipart = await this.#multipart;
      if (this.#assembly.length > 0) {
        await this.#assembly.withBytes(async (bytes) => {
          this.#etags.push(await multipart.uploadPart(this.#etags.length + 1, bytes));
        });
      }
      await multipart.complete(this.#allEtags(), this.#size);
    }
    this.#ended = true;
    await this.#assembly.release();
    this.#tails.dropAll();
  }

  async isCurrent(): Promise<boolean> {
    if (this.state === undefined) return true;
    const { multipart } = this.state;
    const { bucket } = this.place;
    const there = await Promise.all([
      this.#tails.isInForce(),
      // The remainder of what was completed in one piece stays for a moment.
      multipart === undefined
        ? bucket.head(this.key).then((found) => found === undefined)
        : new MultipartUpload(bucket, this.key, multipart.id, multipart.nonce).exists(),
    ]);
    return there.every(Boolean);
  }

  async abort(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#sending);
    await this.#assembly.release();
    // It did not come to be when its creation failed.
    await (await this.#multipart?.catch(() => undefined))?.abort();
    await this.#tails.deleteAll();
  }

  async release(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await Promise.all(this.#sending);
    await this.#assembly.release();
    const multipart = await this.#multipart?.catch(() => undefined);
    if (multipart?.id !== this.state?.multipart?.id) await multipart?.abort();
    this.#tails.dropUnnamed();
  }

  /** Never throws: what goes wrong is kept for the next call. */
  #send(part: PartBuffer): void {
    const index = this.#etags.push(undefined) - 1;
    const sending = this.#sendPart(index + 1, part).then(
      (etag) => {
        this.#etags[index] = etag;
      },
      (error: unknown) => {
        this.#failure ??= this.place.bucket.fault(error, `writing ${this.key}`);
      },
    );
    const done = sending.finally(() => {
      this.place.buffers.giveBack(part);
      this.#sending.delete(done);
    });
    this.#sending.add(done);
  }

  async #sendPart(number: number, part: PartBuffer): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure;
    if (number > MAX_PARTS) {
      throw new BerthError(
        "TOO_LARGE",
        `an object has ${String(MAX_PARTS)} parts of ${String(this.partSize)} bytes at most: raise storage.s3.partSize`,
      );
    }
    this.#multipart ??= MultipartUpload.begin(this.place.bucket, this.key);
    return await (await this.#multipart).uploadPart(number, part.bytes.subarray(0, part.length));
  }

  async #settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #noticing<T>(waiting: Promise<T>): Promise<T> {
    try {
      const result = await waiting;
      if (this.#failure === undefined) return result;
    } catch (error) {
      this.#failure ??= this.place.bucket.fault(error, `writing ${this.key}`);
    }
    throw this.#failure;
  }

  #allEtags(): string[] {
    return this.#etags.filter((etag) => etag !== undefined);
  }
}
