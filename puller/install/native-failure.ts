import { getSystemErrorName } from "node:util";

import { BerthError, errnoOf, isBerthError, type ErrorCode } from "../../oci/errors.js";
import { NativeError } from "../../runtime-native/index.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  LAYER_INVALID: "LAYER_INVALID",
  DIGEST_MISMATCH: "DIGEST_INVALID",
  LIMIT: "TOO_LARGE",
  CHANGED: "CONFLICT",
  ENOSPC: "NO_SPACE",
  EDQUOT: "NO_SPACE",
  EPERM: "PRIVILEGE",
  EACCES: "PRIVILEGE",
};

/** A failure of the addon or of a file operation while `what` was done, as a BerthError of one line. */
export function asBerthError(error: unknown, what: string): unknown {
  if (isBerthError(error)) return error;
  if (!(error instanceof NativeError) && !(error instanceof Error && "syscall" in error)) return error;
  const code = CODES[error instanceof NativeError ? nativeCode(error) : (errnoOf(error) ?? "")] ?? "NATIVE";
  const advice = code === "NO_SPACE" ? ": no space left on the device, make room and try again" : `: ${error.message}`;
  return new BerthError(code, `${what}${advice}`, { cause: error });
}

/** The rule that was broken, or the errno's name. */
function nativeCode({ code, details: { errno } }: NativeError): string {
  return errno === undefined ? code : getSystemErrorName(-errno);
}
