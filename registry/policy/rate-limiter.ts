import { isIPv6 } from "node:net";

import { BerthError } from "../../oci/errors.js";
import type { RateLimits } from "../config/policy-section.js";
import { callerOf } from "../http/caller.js";
import { clientAddressOf } from "../http/client-address.js";
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
    if (this.#perAddress !== undefined) take(ctx, this.#perAddress, networkOf(clientAddressOf(ctx)));
  }

  /** Once it is. @throws BerthError TOO_MANY_REQUESTS, and Retry-After is set */
  admitUser(ctx: RegistryRequest): void {
    if (this.#perUser === undefined) return;
    const { user } = callerOf(ctx);
    if (user !== "") take(ctx, this.#perUser, user);
  }
}

function take(ctx: RegistryRequest, buckets: TokenBuckets, key: string): void {
  const waitSeconds = buckets.take(key, performance.now());
  if (waitSeconds === 0) return;
  ctx.set("Retry-After", String(Math.ceil(waitSeconds)));
  throw new BerthError("TOO_MANY_REQUESTS", `too many requests: try again in ${String(Math.ceil(waitSeconds))} s`);
}

/** Whoever has one IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const filled =
    tail === undefined ? groups : [...groups, ...Array<string>(8 - groups.length - after.length).fill("0"), ...after];
  return filled
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(":");
}
