import { algorithmOf, type Digest, type DigestAlgorithm } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore, UploadWriter } from "../../storage/object-store.js";
import type { ReceivedBytes } from "../storage/blob-store.js";
import { keys } from "../storage/key-tree.js";
import { RunningDigest } from "./running-digest.js";

/**
 * The bytes of one upload in this process: the writer and the digest that runs along with it. Used by one request at a
 * time, which UploadRegistry sees to.
 */
export class UploadSession {
  #writer: UploadWriter | undefined;
  #digest: RunningDigest | undefined;
  /** The digest at `#state`. */
  #before: RunningDigest | undefined;
  /** The last state from which to go on when the writer fails. */
  #state: string | undefined;
  #size: number;

  constructor(
    private readonly store: ObjectStore,
    /** keys.data of the finished bytes */
    readonly data: string,
    algorithm: DigestAlgorithm,
    resumed?: { readonly state: string; readonly size: number },
    /** Whether somebody who has lost the right to it may still be writing to the upload. */
    private readonly contested = false,
  ) {
    this.#state = resumed?.state;
    this.#size = resumed?.size ?? 0;
    // Another process saw the first bytes go by: what is there must be read again when the upload is closed.
    this.#digest = this.#size === 0 ? new RunningDigest(algorithm) : undefined;
  }

  /** Bytes received. */
  get size(): number {
    return this.#size;
  }

  /** The client said which digest it will close with; of use before the first byte. */
  expectAlgorithm(algorithm: DigestAlgorithm): void {
    if (this.#size === 0) this.#digest = new RunningDigest(algorithm);
  }

  /** To be called before bytes are written. @throws BerthError UPLOAD_UNKNOWN when the bytes of before are gone */
  async open(): Promise<void> {
    await this.#open();
    this.#before = this.#digest?.copy();
  }

  async #open(): Promise<UploadWriter> {
    try {
      const { contested } = this;
      this.#writer ??= await this.store.openUpload(keys.data(this.data), this.#state, { contested });
    } catch (error) {
      if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
      throw new BerthError("UPLOAD_UNKNOWN", "the bytes of this upload are gone: start a new one", { cause: error });
    }
    return this.#writer;
  }

  /** As UploadWriter.write; only after `open`. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#writer === undefined) throw new BerthError("STORAGE", "the upload is not open");
    this.#digest?.update(chunk);
    this.#size += chunk.length;
    return this.#writer.write(chunk);
  }

  /** The state from which any process may go on; undefined while there is nothing. */
  async suspend(): Promise<string | undefined> {
    if (this.#writer === undefined) return this.#state;
    try {
      this.#state = await this.#writer.suspend();
    } catch (error) {
      await this.rewind();
      throw error;
    }
    return this.#state;
  }

  /**
   * Hands the bytes over. Where another process received some of them, or the digest is of another algorithm than was expected,
   * whoever takes them must have them verified: they get their name then and are read again under it.
   * @throws BerthError DIGEST_INVALID; the caller aborts
   */
  async finish(digest: Digest): Promise<ReceivedBytes> {
    const running = this.#digest;
    this.#digest = undefined;
    const upload = this.#receivedBytes(await this.#open());
    if (running?.algorithm !== algorithmOf(digest) || running.size !== this.#size) {
      return { ...upload, verify: async () => await this.#verify(digest, upload) };
    }
    const received = running.finish();
    if (received === digest) return upload;
    await upload.discard();
    throw wrongDigest(digest, received);
  }

  async #verify(digest: Digest, upload: ReceivedBytes): Promise<void> {
    await upload.complete();
    let received: Digest;
    try {
      received = await this.#digestOfNamed(algorithmOf(digest));
    } catch (error) {
      await upload.discard().catch(() => undefined);
      throw error;
    }
    if (received === digest) return;
    await upload.discard();
    throw wrongDigest(digest, received);
  }

  #receivedBytes(writer: UploadWriter): ReceivedBytes {
    let named = false;
    return {
      size: writer.size,
      prepare: () => {
        writer.prepare();
      },
      complete: async () => {
        if (!named) await writer.complete();
        named = true;
      },
      discard: async () => {
        await (named ? this.store.delete(keys.data(this.data)) : writer.abort());
      },
    };
  }

  async #digestOfNamed(algorithm: DigestAlgorithm): Promise<Digest> {
    const digest = new RunningDigest(algorithm);
    const body = await this.store.open(keys.data(this.data));
    for await (const chunk of body.chunks) digest.update(chunk);
    return digest.finish();
  }

  /** Forgets the bytes. */
  async abort(): Promise<void> {
    if (this.#writer === undefined && this.#state === undefined) return;
    try {
      await (await this.#open()).abort();
    } catch (error) {
      if (!isBerthError(error, "UPLOAD_UNKNOWN")) throw error;
    }
  }

  async release(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.release();
  }

  /**
   * Back to where the session stood when it was opened, for what came since is of no use: a write has failed (and a full disk
   * gets its room back), or the bytes are not what was announced.
   */
  async rewind(): Promise<void> {
    const failed = this.#writer;
    this.#writer = undefined;
    this.#digest = this.#before;
    this.#before = undefined;
    if (this.#state === undefined) {
      await failed?.abort();
      this.#size = 0;
      return;
    }
    await failed?.release();
    this.#size = (await this.#open()).size;
  }
}

function wrongDigest(expected: Digest, received: Digest): BerthError {
  return new BerthError("DIGEST_INVALID", "the bytes received do not have the digest that was given", {
    details: { expected, received },
  });
}
