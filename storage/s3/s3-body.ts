import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectBody } from "../object-store.js";

/** Failures in a row, without a byte in between, after which an answer's body is given up. */
const MAX_FAILURES = 5;
const PAUSE_MS = 200;

/**
 * Bytes from `position` to the end of what was asked for. After a cut it asks for the rest of the same object, which
 * `reopen` makes sure of.
 */
export class S3Body implements ObjectBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  #closed = false;

  constructor(
    private stream: Readable,
    readonly size: number,
    private position: number,
    private readonly end: number,
    private readonly reopen: (start: number, length: number) => Promise<Readable>,
    private readonly faultOf: (error: unknown) => Error,
  ) {
    this.chunks = { [Symbol.asyncIterator]: () => this.#read() };
    // A cut between the answer's head and the first read is found by the read.
    stream.on("error", () => undefined);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.stream.destroy();
    return Promise.resolve();
  }

  async #rest(): Promise<Readable> {
    try {
      return await this.reopen(this.position, this.end - this.position);
    } catch (cause) {
      if (!isBerthError(cause, "OBJECT_UNKNOWN")) throw cause;
      throw new BerthError("STORAGE", "an object was deleted while it was read, and the connection cut", { cause });
    }
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    let failures = 0;
    try {
      while (this.position < this.end && !this.#closed) {
        try {
          for await (const chunk of this.stream as AsyncIterable<Buffer>) {
            failures = 0;
            this.position += chunk.length;
            yield chunk;
          }
          if (this.position < this.end) throw new Error("the answer ended early");
        } catch (error) {
          if (this.#closed || ++failures > MAX_FAILURES) throw this.faultOf(error);
          this.stream.destroy();
          await sleep(PAUSE_MS * failures * Math.random());
          this.stream = await this.#rest();
        }
      }
    } finally {
      await this.close();
    }
  }
}
