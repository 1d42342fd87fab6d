import { BerthError, type ErrorCode } from "../../oci/errors.js";

/**
 * Why a request was refused that was well-formed. The names are those of logs and metrics. `login` and `scope` are how clients
 * that have no token yet, or one for something else, come to the one they need: they precede most requests that succeed.
 */
export type RefusalReason =
  | "login"
  | "scope"
  | "password"
  | "token"
  | "access"
  | "lockout"
  | "address_rate"
  | "user_rate"
  | "quota"
  | "uploads"
  | "immutable_tag";

interface RefusalOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  readonly account?: string | undefined;
}

/** An answer of no, which operators want to find: it is logged and counted by its reason. */
export class Refusal extends BerthError {
  /** Which of this registry's users somebody said to be. Never a name that a client made up: that may be a password. */
  account: string | undefined;

  constructor(
    code: ErrorCode,
    readonly reason: RefusalReason,
    message: string,
    { account, ...options }: RefusalOptions = {},
  ) {
    super(code, message, options);
    this.account = account;
  }

  /** Part of what a client does to get in. */
  get isRoutine(): boolean {
    return this.reason === "login" || this.reason === "scope";
  }
}
