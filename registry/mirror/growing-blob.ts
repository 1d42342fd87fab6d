import type { SpoolFile } from "./spool-file.js";

/** Each reader has a buffer; large ones save calls, but not for hundreds. */
const FEW_READERS = 8;
const READ_BYTES = { few: 512 * 1024, many: 64 * 1024 };

/**
 * A blob that is being received: one writer, any number of readers, each at its own speed with one buffer of its own. Until
 * the bytes have been verified no reader gets the last byte of what it asked for, so a client of a wrong blob sees a body
 * that stops short of its Content-Length.
 */
export class GrowingBlob {
  #received = 0;
  #size: number | undefined;
  #state: "growing" | "whole" | "failed" = "growing";
  #failure: unknown;
  #holders = 1;
  #advance: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(private readonly spool: SpoolFile) {
    spool.onGrowth = () => {
      this.#wake();
    };
  }

  /** Undefined while nobody has said. */
  get size(): number | undefined {
    return this.#size;
  }

  set size(size: number | undefined) {
    this.#size = size;
  }

  /** Bytes that have arrived. */
  get received(): number {
    return this.#received;
  }

  /** As SpoolFile.append. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    this.#received += chunk.length;
    return this.spool.append(chunk);
  }

  /** The bytes are those of the digest. @throws BerthError STORAGE, NO_SPACE */
  async complete(): Promise<void> {
    await this.spool.settled();
    this.#size = this.#received;
    this.#state = "whole";
    this.#wake();
  }

  /** Readers that have not got all they want throw this. */
  fail(failure: unknown): void {
    if (this.#state !== "growing") return;
    this.#failure = failure;
    this.#state = "failed";
    this.#wake();
  }

  /**
   * Keeps the bytes readable until as many calls of `letGo`, whatever becomes of the transfer. The writer holds from the start.
   * @returns false when everybody has let go before, or it has failed: nothing can be read any more
   */
  hold(): boolean {
    if (this.#holders === 0 || this.#state === "failed") return false;
    this.#holders++;
    return true;
  }

  async letGo(): Promise<void> {
    this.#holders--;
    if (this.#holders === 0) await this.spool.close();
  }

  /** For holders. A chunk is valid until the next one is asked for. @param length to the end when absent */
  async *read(start: number, length?: number): AsyncGenerator<Uint8Array, void> {
    const buffer = Buffer.allocUnsafe(this.#holders > FEW_READERS ? READ_BYTES.many : READ_BYTES.few);
    let at = start;
    for (;;) {
      const limit = this.#readableTo(length === undefined ? undefined : start + length);
      if (this.#state === "failed") throw this.#failure;
      if (at < limit) {
        const count = await this.spool.read(buffer, Math.min(buffer.length, limit - at), at);
        at += count;
        yield buffer.subarray(0, count);
      } else if (this.#state === "whole") {
        return;
      } else {
        await this.#advanced();
      }
    }
  }

  /** What has arrived so far, for the writer, who holds. Each chunk is the reader's. */
  async *receivedBytes(): AsyncGenerator<Uint8Array, void> {
    await this.spool.settled();
    for (let at = 0; at < this.#received;) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES.few, this.#received - at));
      const count = await this.spool.read(buffer, buffer.length, at);
      at += count;
      yield buffer.subarray(0, count);
    }
  }

  #readableTo(end: number | undefined): number {
    if (this.#state === "whole") return end ?? this.#received;
    const last = (end ?? this.#size ?? this.spool.size) - 1;
    return Math.min(this.spool.size, last);
  }

  async #advanced(): Promise<void> {
    if (this.#advance === undefined) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#advance = { promise, resolve };
    }
    await this.#advance.promise;
  }

  #wake(): void {
    this.#advance?.resolve();
    this.#advance = undefined;
  }
}
