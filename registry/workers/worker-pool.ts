import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";

import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import { closeLostConnections } from "./lost-connections.js";
import { ROLE_VARIABLE, STOP, type WorkerReport, type WorkerRole } from "./worker-messages.js";

interface PoolOptions {
  readonly count: number;
  /** How long workers let requests go on when they are stopped. */
  readonly drainTimeoutMs: number;
  readonly log: Logger;
}

/** Before a dead worker is replaced; doubled each time that the new one dies young. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const YOUNG_MS = 30_000;
/** Beyond the drain timeout, for closing what the worker holds. */
const STOP_GRACE_MS = 5_000;

/**
 * Several processes that serve one address: this one takes the connections and hands them out in turn (node:cluster), and
 * replaces workers that die. They share nothing but the store. Worker 0 alone does what is done by schedule.
 */
export class WorkerPool {
  readonly #workers = new Map<number, Worker>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #url = "";
  #isUp = false;
  #stopping = false;

  private constructor(private readonly options: PoolOptions) {}

  /** Resolves when all serve. Forks this process with its own arguments. @throws BerthError of the worker that cannot */
  static async start(options: PoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      pool.#url = await pool.#launch(0);
      await Promise.all(Array.from({ length: options.count - 1 }, async (_, i) => await pool.#launch(i + 1)));
    } catch (error) {
      await pool.stop();
      throw error;
    }
    pool.#isUp = true;
    return pool;
  }

  get url(): string {
    return this.#url;
  }

  signal(name: NodeJS.Signals): void {
    for (const worker of this.#workers.values()) worker.process.kill(name);
  }

  /** Lets requests end. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    await Promise.all([...this.#workers.values()].map(async (worker) => await this.#end(worker)));
  }

  async #end(worker: Worker): Promise<void> {
    if (worker.isDead()) return;
    const ended = once(worker, "exit");
    // One that has just ended needs no telling.
    if (worker.isConnected()) worker.process.send(STOP, () => undefined);
    const kill = setTimeout(() => worker.process.kill("SIGKILL"), this.options.drainTimeoutMs + STOP_GRACE_MS);
    await ended;
    clearTimeout(kill);
  }

  /** Returns the URL under which the worker serves. */
  async #launch(slot: number, pauseMs = FIRST_PAUSE_MS): Promise<string> {
    const role: WorkerRole = { slot };
    const worker = cluster.fork({ [ROLE_VARIABLE]: JSON.stringify(role) });
    const started = performance.now();
    this.#workers.set(slot, worker);
    closeLostConnections(worker);
    // A connection that was handed to one that has just died: its client sees it end.
    worker.on("error", (error) => {
      this.options.log.warn({ slot, err: error }, "a worker could not be reached");
    });
    worker.once("exit", (code, signal) => {
      this.#workers.delete(slot);
      if (!this.#isUp || this.#stopping) return;
      const young = performance.now() - started < YOUNG_MS;
      this.options.log.error({ slot, code, signal }, "a worker ended: another one takes its place");
      this.#launchAfter(slot, young ? pauseMs : FIRST_PAUSE_MS);
    });
    return await served(worker);
  }

  #launchAfter(slot: number, pauseMs: number): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#launch(slot, Math.min(pauseMs * 2, LONGEST_PAUSE_MS)).catch((error: unknown) => {
        // It ends, and the next attempt follows its end.
        this.options.log.error({ slot, err: error }, "a worker could not start");
      });
    }, pauseMs);
    this.#pauses.add(pause);
  }
}

async function served(worker: Worker): Promise<string> {
  return await new Promise((resolve, reject) => {
    worker.once("message", (report: WorkerReport) => {
      if (report.kind === "serving") resolve(report.url);
      else reject(new BerthError(report.code, report.message));
    });
    worker.once("exit", (code, signal) => {
      reject(new BerthError("ABORTED", `a worker ended before it served (${signal ?? String(code)})`));
    });
  });
}
