import { setTimeout as sleep } from "node:timers/promises";

/** Keeps all readers together to so many bytes per second, from the start on and without saving up for bursts. */
export class BytePace {
  #free = 0;
  #total = 0;

  constructor(private readonly bytesPerSecond = Infinity) {}

  /** Bytes of all readers. */
  get total(): number {
    return this.#total;
  }

  /** Resolves when these bytes were due. */
  async take(bytes: number): Promise<void> {
    this.#total += bytes;
    if (this.bytesPerSecond === Infinity) return;
    const now = performance.now();
    this.#free = Math.max(this.#free, now) + (bytes / this.bytesPerSecond) * 1000;
    if (this.#free > now + 1) await sleep(this.#free - now);
  }
}
