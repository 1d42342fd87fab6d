import type { Logger } from "pino";

import { labelledValues, type MetricFamily } from "../observability/metric-family.js";
import { RunCounts } from "../observability/run-counts.js";
import type { Retention } from "./retention.js";

/** A registry that has just started has other things to do; and replicas that start together need not all begin together. */
const FIRST_AFTER_MS = 5 * 60_000;

/** Carries out retention now and then. Several replicas may do it: what one has deleted the others find gone. */
export class RetentionSchedule {
  readonly #runs = new RunCounts();
  readonly #deleted = { tags: 0, manifests: 0 };
  #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly retention: Retention,
    private readonly intervalMs: number,
    private readonly log: Logger,
    firstAfterMs = FIRST_AFTER_MS * (1 + Math.random()),
  ) {
    this.#timer = this.#after(firstAfterMs);
  }

  /** Of this process's own runs. */
  get families(): readonly MetricFamily[] {
    const deleted = this.#deleted;
    return [
      ...this.#runs.families("retention", "rounds of retention"),
      {
        type: "counter",
        name: "berth_registry_retention_deleted_total",
        help: "What retention has deleted, by kind.",
        values: labelledValues("kind", { tag: () => deleted.tags, manifest: () => deleted.manifests }),
      },
    ];
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
      const started = performance.now();
      await this.#carryOut();
      this.#runs.completed(performance.now() - started);
    } catch (error) {
      this.#runs.failed();
      this.log.error({ err: error }, "retention failed");
    }
  }

  async #carryOut(): Promise<void> {
    for await (const { repository, tagsDeleted, manifestsDeleted } of this.retention.run({ dryRun: false })) {
      this.#deleted.tags += tagsDeleted;
      this.#deleted.manifests += manifestsDeleted;
      if (tagsDeleted + manifestsDeleted > 0) {
        this.log.info({ repository, tagsDeleted, manifestsDeleted }, "retention");
      }
      if (this.#stopped) return;
    }
  }
}
