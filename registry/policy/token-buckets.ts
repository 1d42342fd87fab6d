interface Bucket {
  tokens: number;
  /** Milliseconds of a clock that never jumps. */
  at: number;
}

/** An attacker with many addresses makes the oldest forgotten and not the process large. */
const MAX_BUCKETS = 50_000;
const DEFAULT_BURST_SECONDS = 10;

/** A token bucket for each key: `burst` requests at once, and then so many a second. */
export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #perMs: number;
  readonly #burst: number;

  constructor({
    requestsPerSecond,
    burst,
  }: {
    readonly requestsPerSecond: number;
    readonly burst?: number | undefined;
  }) {
    this.#perMs = requestsPerSecond / 1000;
    this.#burst = burst ?? Math.max(1, Math.ceil(requestsPerSecond * DEFAULT_BURST_SECONDS));
  }

  /** 0 when the request may go on, else how many seconds later it could. */
  take(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key) ?? this.#fresh(key, nowMs);
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (nowMs - bucket.at) * this.#perMs);
    bucket.at = nowMs;
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return 0;
    }
    return (1 - bucket.tokens) / this.#perMs / 1000;
  }

  #fresh(key: string, nowMs: number): Bucket {
    if (this.#buckets.size >= MAX_BUCKETS) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    const bucket = { tokens: this.#burst, at: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
