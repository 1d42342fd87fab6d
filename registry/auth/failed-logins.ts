import { hash } from "node:crypto";

import { networkOf } from "../http/client-address.js";
import { Refusal } from "../http/refusal.js";
import { BoundedMap } from "../bounded-map.js";

/** Some 100 bytes each. */
const MAX_COUNTERS = 50_000;
/** Wrong passwords from one address for whatever accounts, as a multiple of what one account has. */
const ACCOUNTS_PER_ADDRESS = 10;

interface Counter {
  attempts: number;
  /** Milliseconds of a clock that never jumps: a lock that outlives a corrected clock would be one for days. */
  readonly resetsAt: number;
}

/** One attempt that was let through, until it is known what it was. */
export interface Attempt {
  readonly wasRight: () => void;
  /** It was not looked at, and does not count. */
  readonly wasDropped: () => void;
}

export interface FailureLimits {
  readonly attempts: number;
  readonly windowMs: number;
}

/**
 * Brute-force limits. Counts attempts for an account from an address, so that nobody can lock somebody else out, and for an
 * address. An attempt counts from its beginning: a hundred guesses at once are no way around.
 */
export class FailedLogins {
  readonly #counters = new BoundedMap<string, Counter>(MAX_COUNTERS);

  constructor(private readonly limits: FailureLimits) {}

  /** @throws BerthError TOO_MANY_REQUESTS with `retryAfterSeconds`, also when the password would have been right */
  begin(account: string, address: string): Attempt {
    this.assertOpen(account, address);
    const network = networkOf(address);
    const { attempts } = this.limits;
    const known = this.#known(network);
    if (known !== undefined && known.attempts >= attempts * ACCOUNTS_PER_ADDRESS) throw tooMany(known);
    // Only now is anything written down: else attempts that are refused, which cost nothing, would push the counters out that
    // refuse them.
    const own = this.#counter(ownKey(account, network));
    const shared = this.#counter(network);
    own.attempts++;
    shared.attempts++;
    const takeBack = (ofOwn: number): void => {
      own.attempts = Math.max(0, own.attempts - ofOwn);
      shared.attempts = Math.max(0, shared.attempts - 1);
      if (own.attempts === 0) this.#forget(ownKey(account, network), own);
      if (shared.attempts === 0) this.#forget(network, shared);
    };
    return {
      wasRight: () => {
        takeBack(Infinity);
      },
      wasDropped: () => {
        takeBack(1);
      },
    };
  }

  /** @throws BerthError TOO_MANY_REQUESTS */
  assertOpen(account: string, address: string): void {
    const own = this.#known(ownKey(account, networkOf(address)));
    if (own !== undefined && own.attempts >= this.limits.attempts) throw tooMany(own);
  }

  #known(key: string): Counter | undefined {
    const counter = this.#counters.get(key);
    return counter !== undefined && counter.resetsAt > performance.now() ? counter : undefined;
  }

  #counter(key: string): Counter {
    const known = this.#known(key);
    if (known !== undefined) return known;
    const counter = { attempts: 0, resetsAt: performance.now() + this.limits.windowMs };
    this.#counters.set(key, counter);
    return counter;
  }

  #forget(key: string, counter: Counter): void {
    if (this.#counters.get(key) === counter) this.#counters.delete(key);
  }
}

function ownKey(account: string, network: string): string {
  return hash("sha256", `${network}\n${account}`, "base64");
}

function tooMany({ resetsAt }: Counter): Refusal {
  const retryAfterSeconds = Math.max(1, Math.ceil((resetsAt - performance.now()) / 1000));
  return new Refusal("TOO_MANY_REQUESTS", "lockout", "too many failed logins: wait, then try again", {
    details: { retryAfterSeconds },
  });
}
