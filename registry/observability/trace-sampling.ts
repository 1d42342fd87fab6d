import { TokenBuckets } from "../policy/token-buckets.js";

/** What the caller's traceparent says, if there is one. */
export type CallersWish = "sampled" | "not sampled" | undefined;

export interface SamplingLimits {
  /** Of requests that nobody has decided about. */
  readonly samplePercent: number;
  /** Requests that are sampled because their callers want it, each second and as many at once. */
  readonly callersPerSecond: number;
}

/**
 * Which requests are traced. Whoever can reach the registry can send a traceparent: its wish is granted so many times a second
 * and no more. Beyond that, and where callers decide nothing, a lot is drawn here, because trace IDs are the caller's as well.
 */
export class TraceSampling {
  readonly #wishes: TokenBuckets | undefined;

  constructor(
    private readonly limits: SamplingLimits,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {
    const { callersPerSecond } = limits;
    if (callersPerSecond > 0) {
      this.#wishes = new TokenBuckets({ requestsPerSecond: callersPerSecond, burst: callersPerSecond });
    }
  }

  isSampled(wish: CallersWish): boolean {
    if (this.#wishes !== undefined) {
      if (wish === "not sampled") return false;
      if (wish === "sampled" && this.#wishes.take("", this.now()) === 0) return true;
    }
    return this.random() * 100 < this.limits.samplePercent;
  }
}
