import type { Logger } from "pino";

import type { Retention } from "./retention.js";

/** A registry that has just started has other things to do; and replicas that start together need not all begin together. */
const FIRST_AFTER_MS = 5 * 60_000;

/** Carries out retention now and then. Several replicas may do it: what one has deleted the others find gone. */
export class RetentionSchedule {
  #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly retention: Retention,
    private readonly intervalMs: number,
    private readonly log: Logger,
  ) {
    this.#timer = this.#after(FIRST_AFTER_MS * (1 + Math.random()));
  }

  /** Ends after the repository that is at it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #after(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#running = this.#run().then(() => {
        if (!this.#stopped) this.#timer = this.#after(this.intervalMs);
      });
    }, ms);
    timer.unref();
    return timer;
  }

  async #run(): Promise<void> {
    try {
      for await (const { repository, tagsDeleted, manifestsDeleted } of this.retention.run({ dryRun: false })) {
        if (tagsDeleted + manifestsDeleted > 0) {
          this.log.info({ repository, tagsDeleted, manifestsDeleted }, "retention");
        }
        if (this.#stopped) return;
      }
    } catch (error) {
      this.log.error({ err: error }, "retention failed");
    }
  }
}
