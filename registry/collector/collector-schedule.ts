import type { Logger } from "pino";

import type { ObjectStore } from "../../storage/object-store.js";
import { ownProcessIdentity } from "../../storage/process-identity.js";
import { isBerthError } from "../../oci/errors.js";
import type { CollectorSettings } from "../config/collector-section.js";
import { labelledValues, singleValue, type MetricFamily } from "../observability/metric-family.js";
import { RunCounts } from "../observability/run-counts.js";
import { keys } from "../storage/key-tree.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { collectGarbage } from "./collect.js";
import type { CollectReport } from "./collection.js";

/** Says that a process collects garbage, so that others need not do the same. It is no lock: two at once do no harm. */
interface RunRecord {
  readonly by: string;
  readonly startedAt: number;
}

const HOUR_MS = 3600_000;
/** Beyond it timers fire at once. A run that comes too early finds by its record that it has time. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A registry that has just started has other things to do. */
const FIRST_AFTER_MS = 10 * 60_000;

/** What a report says of that which went. */
const GONE = ["deletedManifests", "deletedBlobs", "orphans", "staleNames", "abandoned", "bytes"] as const;

/** Collects garbage now and then; of several replicas one at a time, as far as their clocks agree. */
export class CollectorSchedule {
  readonly #stopped = new AbortController();
  readonly #register: WriteOnceRegister<RunRecord>;
  readonly #runs = new RunCounts();
  readonly #gone = Object.fromEntries(GONE.map((kind) => [kind, 0])) as Record<(typeof GONE)[number], number>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: ObjectStore,
    private readonly settings: CollectorSettings,
    private readonly log: Logger,
    firstAfterMs = FIRST_AFTER_MS * (1 + Math.random()),
  ) {
    this.#register = new WriteOnceRegister(store, keys.collectorRuns);
    if (!settings.enabled) return;
    if (store.traits.conditionalCreate) this.#after(firstAfterMs);
    else log.warn("garbage is not collected: the store does not keep conditional creations");
  }

  /** Of this process's own runs. */
  get families(): readonly MetricFamily[] {
    const gone = this.#gone;
    return [
      ...this.#runs.families("collector", "collections of garbage"),
      {
        type: "counter",
        name: "berth_registry_collector_deleted_total",
        help: "What the collector has deleted, by kind; orphans are data that nothing claimed.",
        values: labelledValues("kind", {
          manifest: () => gone.deletedManifests,
          blob: () => gone.deletedBlobs,
          orphan: () => gone.orphans,
          stale_name: () => gone.staleNames,
          abandoned_push: () => gone.abandoned,
        }),
      },
      singleValue(
        "counter",
        "berth_registry_collector_freed_bytes_total",
        "Bytes that the collector has freed.",
        () => gone.bytes,
      ),
    ];
  }

  /** Ends a run that is under way; the next one, here or elsewhere, goes on from there. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #after(ms: number): void {
    this.#timer = setTimeout(
      () => {
        this.#running = this.#run().then((nextMs) => {
          if (!this.#stopped.signal.aborted) this.#after(nextMs);
        });
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    this.#timer.unref();
  }

  /** How long to wait for the next one; spread, so that replicas do not keep meeting. */
  async #run(): Promise<number> {
    const everyMs = this.settings.everyHours * HOUR_MS;
    const spread = everyMs * 0.1 * Math.random();
    try {
      const last = await this.#register.read();
      const sinceMs = last === undefined ? Infinity : Date.now() - last.value.startedAt;
      if (sinceMs >= 0 && sinceMs < everyMs) return everyMs - sinceMs + spread;
      const record: RunRecord = { by: ownProcessIdentity(), startedAt: Date.now() };
      if ((await this.#register.replace(last, record)) !== undefined) await this.#collect();
    } catch (error) {
      if (!isBerthError(error, "ABORTED")) {
        this.#runs.failed();
        this.log.error({ err: error }, "the collection of garbage failed");
      }
    }
    return everyMs + spread;
  }

  async #collect(): Promise<void> {
    const { graceHours, untagged, untaggedGraceHours } = this.settings;
    const report = await collectGarbage(this.store, {
      graceMs: graceHours * HOUR_MS,
      ...(untagged && { untaggedGraceMs: untaggedGraceHours * HOUR_MS }),
      signal: this.#stopped.signal,
      onWait: (waitMs) => {
        this.log.info(
          { waitMs },
          "garbage was found: it is deleted when clients on their way to it have come to their end",
        );
      },
    });
    this.#runs.completed(report.durationMs);
    this.#add(report);
    this.log.info({ ...report }, "garbage collected");
  }

  #add(report: CollectReport): void {
    for (const kind of GONE) this.#gone[kind] += report[kind];
  }
}
