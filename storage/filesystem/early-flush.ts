import type { FileHandle } from "node:fs/promises";

/** So much is written before the disk is asked to take it, while more comes in. */
const STEP_BYTES = 64 * 1024 * 1024;

/**
 * Lets the disk work while an upload is being received, so that little is left to wait for at its end. One flush at a time
 * in the whole process: each holds one of the few threads that do file operations.
 */
export class EarlyFlush {
  static #isBusy = false;
  #unflushed = 0;
  #flushing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(private readonly file: FileHandle) {}

  wrote(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed >= STEP_BYTES) this.begin();
  }

  /** Unless there is nothing to do, or another flush is under way. */
  begin(): void {
    if (this.#unflushed === 0 || EarlyFlush.#isBusy) return;
    EarlyFlush.#isBusy = true;
    this.#unflushed = 0;
    this.#flushing = this.#flush();
  }

  /** Resolves when no flush is under way. */
  async ended(): Promise<void> {
    await this.#flushing;
  }

  /** The kernel tells a descriptor of lost pages only once, so the sync at the end would say that all is well. */
  async assertWhole(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #flush(): Promise<void> {
    try {
      await this.file.datasync();
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      EarlyFlush.#isBusy = false;
    }
  }
}
