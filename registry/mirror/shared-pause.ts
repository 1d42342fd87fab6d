import type { Logger } from "pino";

import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { ownProcessIdentity, processState } from "../../storage/process-identity.js";
import { keys } from "../storage/key-tree.js";

interface Pause {
  /** processIdentity of whoever has said so; a process that has been restarted begins anew. */
  readonly owner: string;
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** What others say is looked at so often, by whoever asks the upstream. */
const LOOK_EVERY_MS = 1_000;
/** Clocks of hosts differ, and a pause of this kind is never longer. */
const LONGEST_MS = 300_000;

/**
 * That an upstream is to be left alone, as one process of a store tells the others: a registry that has asked for patience means all
 * of them. A hint: where the store fails each process finds out by itself.
 */
export class SharedPause {
  readonly #key: string;
  #lookedAt = -Infinity;
  #looking: Promise<void> = Promise.resolve();
  /** The one that was seen last, and until when it holds, by the steady clock. */
  #seen: { readonly until: number; readonly end: number } | undefined;
  #hasTold = false;

  /** @param name the upstream's */
  constructor(
    private readonly store: ObjectStore,
    private readonly name: string,
    private readonly url: string,
    private readonly log: Logger,
    private readonly clock: { wall(): number; steady(): number } = {
      wall: () => Date.now(),
      steady: () => performance.now(),
    },
  ) {
    this.#key = keys.upstreamPause(name);
  }

  /** Milliseconds for which another process wants the upstream to be left alone; 0 mostly. */
  async left(): Promise<number> {
    // Of a single process there is nobody else to hear from.
    if (!this.store.traits.conditionalCreate) return 0;
    if (this.clock.steady() - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = this.clock.steady();
      this.#looking = this.#look();
    }
    await this.#looking;
    return this.#seen === undefined ? 0 : Math.max(0, this.#seen.end - this.clock.steady());
  }

  /** @param forMs 0: no longer */
  async tell(forMs: number): Promise<void> {
    if (!this.store.traits.conditionalCreate || (forMs === 0 && !this.#hasTold)) return;
    this.#hasTold = forMs > 0;
    const pause: Pause = { owner: ownProcessIdentity(), url: this.url, until: this.clock.wall() + forMs };
    try {
      if (forMs === 0) await this.store.delete(this.#key);
      else await this.store.put(this.#key, Buffer.from(JSON.stringify(pause)), { volatile: true });
    } catch (error) {
      this.log.warn({ upstream: this.name, err: error }, "other processes do not hear how an upstream is");
    }
  }

  async #look(): Promise<void> {
    const until = (await this.#read())?.until;
    if (until === this.#seen?.until) return;
    if (until === undefined) this.#seen = undefined;
    // Once, so that a clock that is set back makes no pause longer.
    else this.#seen = { until, end: this.clock.steady() + Math.min(until - this.clock.wall(), LONGEST_MS) };
  }

  async #read(): Promise<Pause | undefined> {
    try {
      const pause = JSON.parse((await this.store.get(this.#key)).toString()) as Partial<Pause> | null;
      const { owner, url, until } = pause ?? {};
      if (owner === undefined || until === undefined || url !== this.url) return undefined;
      const isOver = owner === ownProcessIdentity() || processState(owner) === "dead";
      return isOver ? undefined : { owner, url, until };
    } catch (error) {
      // Nobody has said anything; or it is damaged, as after a loss of power.
      if (error instanceof SyntaxError || isBerthError(error)) return undefined;
      throw error;
    }
  }
}
