import type { RegistryRequest } from "./request.js";

/** Who makes a request, as far as handlers must know. */
export interface Caller {
  /** Empty when unknown. */
  readonly user: string;
  /** What this request's credentials allow. `repository` need not be a valid name. */
  mayPull(repository: string): boolean;
  /**
   * The repositories from which a blob may be taken without naming one: undefined for any, because the caller may pull them
   * all. Never many.
   */
  readonly sources: readonly string[] | undefined;
}

/** Without authentication everybody may do everything. */
const ANYBODY: Caller = { user: "", mayPull: () => true, sources: undefined };

/** Somebody known who may do nothing here: for the log, where a request is refused or is about none of the repositories. */
export function callerWithout(user: string): Caller {
  return { user, mayPull: () => false, sources: [] };
}

export function setCaller(ctx: RegistryRequest, caller: Caller): void {
  ctx.state["caller"] = caller;
}

export function callerOf(ctx: RegistryRequest): Caller {
  return (ctx.state["caller"] as Caller | undefined) ?? ANYBODY;
}
