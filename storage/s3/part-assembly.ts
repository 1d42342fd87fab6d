import { BerthError } from "../../oci/errors.js";
import type { PartBuffer, PartBuffers } from "./part-buffers.js";
import type { StoredTail, UploadState } from "./upload-state.js";
import type { UploadTails } from "./upload-tails.js";

/** Up to here a remainder needs no buffer of its own, and no object to be kept in. */
const SMALL_BYTES = 64 * 1024;

/**
 * Collects the bytes of an upload that do not make a part yet. They are in `#small`, or in a part's buffer, or only in a tail
 * object. What needs the store, or a buffer that somebody else has, is done one after the other.
 */
export class PartAssembly {
  #small: Uint8Array[] = [];
  #length = 0;
  #buffer: PartBuffer | undefined;
  /** The buffer is lent: the first to be taken back. */
  #lent = false;
  #yielding = false;
  /** An object that holds exactly the present remainder. */
  #stored: StoredTail | undefined;
  #queue: Promise<void> | undefined;

  constructor(
    private readonly buffers: PartBuffers,
    private readonly partSize: number,
    private readonly tails: UploadTails,
    /** Is given each full part, and gives the buffer back. */
    private readonly send: (part: PartBuffer) => void,
    resumed?: Pick<UploadState, "inline" | "tail">,
  ) {
    if (resumed?.tail !== undefined) {
      this.#stored = resumed.tail;
      this.#length = resumed.tail.size;
    } else if (resumed?.inline !== undefined) {
      const bytes = Buffer.from(resumed.inline, "base64");
      this.#small.push(bytes);
      this.#length = bytes.length;
    }
  }

  /** Bytes of the remainder. */
  get length(): number {
    return this.#length;
  }

  /** Returns a promise when the caller should wait; the chunk is kept in order all the same. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#queue !== undefined) return this.#enqueue(async () => await this.#appendSlowly(chunk));
    const rest = this.#appendNow(chunk);
    return rest === undefined ? undefined : this.#enqueue(async () => await this.#appendSlowly(rest));
  }

  /** Puts the remainder where another process finds it. */
  async store(): Promise<Pick<UploadState, "inline" | "tail">> {
    let stored: Pick<UploadState, "inline" | "tail"> = {};
    await this.#enqueue(async () => {
      if (this.#length === 0) return;
      if (this.#buffer === undefined && this.#stored === undefined) {
        stored = { inline: Buffer.concat(this.#small).toString("base64") };
        return;
      }
      this.#stored ??= await this.tails.write(this.#filled());
      stored = { tail: this.#stored };
      if (this.#buffer === undefined) return;
      this.#lent = true;
      this.buffers.lend(this.#buffer, this.#yield);
    });
    return stored;
  }

  /** Hands over the whole remainder, in memory while `use` runs. */
  async withBytes(use: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    await this.#enqueue(async () => {
      if (this.#buffer === undefined && this.#stored !== undefined) await this.#takeBuffer();
      const bytes = this.#buffer === undefined ? Buffer.concat(this.#small) : this.#filled();
      if (this.#buffer !== undefined) this.buffers.keep(this.#buffer);
      try {
        await use(bytes);
      } finally {
        if (this.#buffer !== undefined) this.buffers.use(this.#buffer, this.#yield);
      }
    });
  }

  /** Frees the memory. What was not stored is lost. */
  async release(): Promise<void> {
    await this.#enqueue(async () => {
      this.#giveBack();
      this.#small = [];
      await Promise.resolve();
    }).catch(() => undefined);
  }

  /** What is left of the chunk when there is no room in memory. */
  #appendNow(chunk: Uint8Array): Uint8Array | undefined {
    let rest = chunk;
    while (rest.length > 0) {
      const buffer = this.#buffer;
      if (buffer === undefined) {
        if (this.#stored !== undefined || this.#length + rest.length > SMALL_BYTES) return rest;
        this.#small.push(rest);
        this.#length += rest.length;
        return undefined;
      }
      if (this.#lent) this.buffers.use(buffer, this.#yield);
      this.#lent = false;
      this.#stored = undefined;
      const part = rest.subarray(0, this.partSize - buffer.length);
      buffer.bytes.set(part, buffer.length);
      buffer.length += part.length;
      this.#length = buffer.length;
      rest = rest.subarray(part.length);
      if (buffer.length < this.partSize) continue;
      this.buffers.keep(buffer);
      this.#buffer = undefined;
      this.#length = 0;
      this.send(buffer);
    }
    return undefined;
  }

  async #appendSlowly(chunk: Uint8Array): Promise<void> {
    for (let rest = this.#appendNow(chunk); rest !== undefined; rest = this.#appendNow(rest)) await this.#takeBuffer();
  }

  /** Gets a buffer, and the remainder into it. */
  async #takeBuffer(): Promise<void> {
    const buffer = await this.buffers.take(this.partSize, this.#yield);
    try {
      const remainder = this.#stored === undefined ? this.#small : await this.tails.read(this.#stored);
      for await (const chunk of remainder) {
        if (buffer.length + chunk.length > this.partSize) throw damaged();
        buffer.bytes.set(chunk, buffer.length);
        buffer.length += chunk.length;
      }
      if (buffer.length !== this.#length) throw damaged();
    } catch (error) {
      this.buffers.giveBack(buffer);
      throw error;
    }
    this.#small = [];
    this.#buffer = buffer;
    this.#lent = false;
  }

  /** Others wait for the buffer: what is in it goes to an object. May be called again and again. */
  readonly #yield = (): void => {
    if (this.#yielding) return;
    this.#yielding = true;
    // A failure leaves the bytes where they are; the upload itself will meet it.
    void this.#enqueue(async () => {
      if (this.#buffer !== undefined && this.#length > 0) this.#stored ??= await this.tails.write(this.#filled());
      this.#giveBack();
    })
      .catch(() => undefined)
      .finally(() => {
        this.#yielding = false;
      });
  };

  #giveBack(): void {
    if (this.#buffer !== undefined) this.buffers.giveBack(this.#buffer);
    this.#buffer = undefined;
  }

  #filled(): Uint8Array {
    if (this.#buffer === undefined) throw new BerthError("STORAGE", "an upload has no buffer");
    return this.#buffer.bytes.subarray(0, this.#buffer.length);
  }

  async #enqueue(task: () => Promise<void>): Promise<void> {
    const running = (this.#queue ?? Promise.resolve()).then(task);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#queue = settled;
    try {
      await running;
    } finally {
      if (this.#queue === settled) this.#queue = undefined;
    }
  }
}

function damaged(): BerthError {
  return new BerthError("STORAGE", "the remainder of an upload is not what it was");
}
