import { callerOf } from "./caller.js";
import { clientAddressOf, networkOf } from "./client-address.js";
import type { RegistryRequest } from "./request.js";

/**
 * Whom a request's share of something is counted against: the user, from however many addresses; the address's network while
 * nobody is known. So users behind one proxy do not take each other's share.
 */
export function partyOf(ctx: RegistryRequest): string {
  const { user } = callerOf(ctx);
  return user === "" ? `address ${networkOf(clientAddressOf(ctx))}` : `user ${user}`;
}
