import type { RateLimits } from "../config/policy-section.js";
import { callerOf } from "../http/caller.js";
import { clientAddressOf, networkOf } from "../http/client-address.js";
import { Refusal } from "../http/refusal.js";
import type { RegistryRequest } from "../http/request.js";
import { TokenBuckets } from "./token-buckets.js";

/** `limits.rate`: refuses whoever asks too often. Each process counts for itself. */
export class RateLimiter {
  #perAddress: TokenBuckets | undefined;
  #perUser: TokenBuckets | undefined;

  constructor(limits: RateLimits) {
    this.replace(limits);
  }

  /** From now on; what was counted is forgotten. */
  replace({ perAddress, perUser }: RateLimits): void {
    this.#perAddress = perAddress === undefined ? undefined : new TokenBuckets(perAddress);
    this.#perUser = perUser === undefined ? undefined : new TokenBuckets(perUser);
  }

  /** Before it is known who asks. @throws BerthError TOO_MANY_REQUESTS, and Retry-After is set */
  admitAddress(ctx: RegistryRequest): void {
    if (this.#perAddress !== undefined) take(ctx, this.#perAddress, networkOf(clientAddressOf(ctx)), "address_rate");
  }

  /** Once it is. @throws BerthError TOO_MANY_REQUESTS, and Retry-After is set */
  admitUser(ctx: RegistryRequest): void {
    if (this.#perUser === undefined) return;
    const { user } = callerOf(ctx);
    if (user !== "") take(ctx, this.#perUser, user, "user_rate");
  }
}

function take(ctx: RegistryRequest, buckets: TokenBuckets, key: string, reason: "address_rate" | "user_rate"): void {
  const waitSeconds = buckets.take(key, performance.now());
  if (waitSeconds === 0) return;
  ctx.set("Retry-After", String(Math.ceil(waitSeconds)));
  const again = `try again in ${String(Math.ceil(waitSeconds))} s`;
  throw new Refusal("TOO_MANY_REQUESTS", reason, `too many requests: ${again}`);
}
