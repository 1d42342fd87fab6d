/** How long an upload may fill a buffer while others wait for one, before it is asked to put its bytes elsewhere. */
const FILLING_MS = 2000;

/** Memory for one part. `length` bytes of it are filled. */
export interface PartBuffer {
  readonly bytes: Buffer;
  length: number;
}

interface Holder {
  readonly since: number;
  /** Puts what is in the buffer elsewhere and gives the buffer back, at once or soon. Absent while it is being sent. */
  readonly yieldIt?: () => void;
}

interface Waiter {
  readonly size: number;
  readonly yieldIt: () => void;
  readonly take: (buffer: PartBuffer) => void;
}

/**
 * The parts of uploads that are in memory, of all uploads of one store together: their number is what bounds the process's
 * memory, however many clients push and however slow the store is. Who finds none free waits in turn. A client that sends
 * slowly, or has paused, would keep its buffer from the others, so it is asked for it.
 */
export class PartBuffers {
  readonly #holders = new Map<PartBuffer, Holder>();
  readonly #waiters: Waiter[] = [];
  readonly #spare: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly capacity: number,
    private readonly partSize: number,
  ) {}

  /** @param yieldIt see Holder */
  async take(size: number, yieldIt: () => void): Promise<PartBuffer> {
    if (this.#waiters.length === 0 && this.#holders.size < this.capacity) return this.#hand(size, yieldIt);
    return await new Promise((resolve) => {
      this.#waiters.push({ size, yieldIt, take: resolve });
      this.#press();
    });
  }

  /** The buffer is being sent, and is given back when that is done. */
  keep(buffer: PartBuffer): void {
    this.#holders.set(buffer, { since: 0 });
  }

  /** The buffer is being filled, again after it was lent. */
  use(buffer: PartBuffer, yieldIt: () => void): void {
    this.#holders.set(buffer, { since: Date.now(), yieldIt });
  }

  /** The buffer is of little use to its holder: the first to be taken back, by `yieldIt`. */
  lend(buffer: PartBuffer, yieldIt: () => void): void {
    this.#holders.set(buffer, { since: 0, yieldIt });
    this.#press();
  }

  giveBack(buffer: PartBuffer): void {
    if (!this.#holders.delete(buffer)) return;
    if (buffer.bytes.length === this.partSize) this.#spare.push(buffer.bytes);
    const next = this.#waiters.shift();
    if (next === undefined) this.#stopPressing();
    else next.take(this.#hand(next.size, next.yieldIt));
  }

  #hand(size: number, yieldIt: () => void): PartBuffer {
    const spare = size === this.partSize ? this.#spare.pop() : undefined;
    // Not filled with zeros: a page that is never written to takes no memory.
    const buffer = { bytes: spare ?? Buffer.allocUnsafeSlow(size), length: 0 };
    this.use(buffer, yieldIt);
    return buffer;
  }

  /** Asks the one that has filled for longest, again and again while somebody waits. */
  #press(): void {
    if (this.#waiters.length === 0) return this.#stopPressing();
    const latest = Date.now() - FILLING_MS;
    let longest: Holder | undefined;
    for (const holder of this.#holders.values()) {
      if (holder.yieldIt === undefined || holder.since > latest) continue;
      if (longest === undefined || holder.since < longest.since) longest = holder;
    }
    this.#timer ??= setInterval(() => {
      this.#press();
    }, FILLING_MS / 4).unref();
    longest?.yieldIt?.();
  }

  #stopPressing(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
