import type { Logger } from "pino";

/** Does something again and again, never twice at a time. What goes wrong is logged, and tried again at the next time. */
export class Repetition {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(everyMs: number, work: () => Promise<void>, log: Logger) {
    this.#timer = setInterval(() => {
      this.#running ??= work()
        .catch((error: unknown) => {
          log.error({ err: error }, "upkeep of the mirrors failed");
        })
        .finally(() => {
          this.#running = undefined;
        });
    }, everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
