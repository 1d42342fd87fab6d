import { hash } from "node:crypto";

import { BerthError } from "../../oci/errors.js";
import { networkOf } from "../http/client-address.js";
import { BoundedMap } from "./bounded-map.js";

/** Some 100 bytes each. */
const MAX_COUNTERS = 50_000;
/** Wrong passwords from one address for whatever accounts, as a multiple of what one account has. */
const ACCOUNTS_PER_ADDRESS = 10;

interface Counter {
  attempts: number;
  /** Milliseconds since the epoch. */
  readonly resetsAt: number;
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

  /**
   * @returns what to call when the attempt turned out right
   * @throws BerthError TOO_MANY_REQUESTS with `retryAfterSeconds`, also when the password would have been right
   */
  begin(account: string, address: string): () => void {
    const network = networkOf(address);
    const own = this.#counter(hash("sha256", `${network}\n${account}`, "base64"));
    const shared = this.#counter(network);
    const { attempts } = this.limits;
    if (own.attempts >= attempts) throw tooMany(own);
    if (shared.attempts >= attempts * ACCOUNTS_PER_ADDRESS) throw tooMany(shared);
    own.attempts++;
    shared.attempts++;
    return () => {
      own.attempts = 0;
      shared.attempts = Math.max(0, shared.attempts - 1);
    };
  }

  /** @throws BerthError TOO_MANY_REQUESTS */
  assertOpen(account: string, address: string): void {
    const own = this.#counters.get(hash("sha256", `${networkOf(address)}\n${account}`, "base64"));
    if (own !== undefined && own.attempts >= this.limits.attempts && own.resetsAt > Date.now()) throw tooMany(own);
  }

  #counter(key: string): Counter {
    const now = Date.now();
    const known = this.#counters.get(key);
    if (known !== undefined && known.resetsAt > now) return known;
    const counter = { attempts: 0, resetsAt: now + this.limits.windowMs };
    this.#counters.set(key, counter);
    return counter;
  }
}

function tooMany({ resetsAt }: Counter): BerthError {
  const retryAfterSeconds = Math.max(1, Math.ceil((resetsAt - Date.now()) / 1000));
  return new BerthError("TOO_MANY_REQUESTS", "too many failed logins: wait, then try again", {
    details: { retryAfterSeconds },
  });
}
