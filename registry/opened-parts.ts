interface Closable {
  close(): Promise<void> | void;
}

/** What has been opened on the way to something larger, to be closed with it, or when it does not come to be. */
export class OpenedParts {
  readonly #parts: Closable[] = [];
  #closing: Promise<void> | undefined;

  /** Returns what was given. */
  add<T extends Closable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** The last opened first. Idempotent. What fails does not keep the others open; its error is thrown in the end. */
  async close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    await this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.toReversed()) {
      try {
        await part.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
