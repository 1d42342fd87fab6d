import { randomUUID } from "node:crypto";

import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import type { ObjectStore, UploadWriter } from "../../storage/object-store.js";
import type { BlobStore, ReceivedBytes } from "../storage/blob-store.js";
import { keys } from "../storage/key-tree.js";

/**
 * The copy of a blob that the store is to keep, written while the blob goes by. When the store fails clients still get their
 * bytes: the copy is given up, and the log says so.
 */
export class BlobCopy {
  readonly #data = randomUUID();
  #writer: UploadWriter | undefined;
  #isGivenUp = false;

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
    private readonly log: Logger,
  ) {}

  /** Returns a promise when the caller should wait. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#isGivenUp) return undefined;
    const pause = this.#writer === undefined ? this.#appendFirst(chunk) : this.#writer.write(chunk);
    return pause && this.#orGiveUp(async () => await pause);
  }

  /** Only for bytes that were seen to have the digest. @returns whether they are kept */
  async commit(stored: string, digest: Digest): Promise<boolean> {
    const writer = this.#writer ?? (await this.#open());
    if (writer === undefined) return false;
    await this.#orGiveUp(async () => {
      await this.blobs.commit(stored, digest, this.#data, this.#bytesOf(writer));
      this.#writer = undefined;
    });
    return !this.#isGivenUp;
  }

  /** Idempotent; of no effect on what was committed. */
  async drop(): Promise<void> {
    this.#isGivenUp = true;
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.abort().catch((error: unknown) => {
      this.log.warn({ err: error }, "the bytes of a blob that was given up may stay until uploads are swept");
    });
  }

  #bytesOf(writer: UploadWriter): ReceivedBytes {
    let isNamed = false;
    return {
      size: writer.size,
      complete: async () => {
        if (!isNamed) await writer.complete();
        isNamed = true;
      },
      discard: async () => {
        await (isNamed ? this.store.delete(keys.data(this.#data)) : writer.abort());
      },
    };
  }

  async #appendFirst(chunk: Uint8Array): Promise<void> {
    await (await this.#open())?.write(chunk);
  }

  async #open(): Promise<UploadWriter | undefined> {
    if (this.#isGivenUp) return undefined;
    await this.#orGiveUp(async () => {
      this.#writer = await this.store.openUpload(keys.data(this.#data));
    });
    return this.#writer;
  }

  async #orGiveUp(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log.error({ err: error }, "the store does not take the copy of a blob: it goes to clients all the same");
      await this.drop();
    }
  }
}
