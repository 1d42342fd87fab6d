import { BerthError } from "../../oci/errors.js";
import { NativeError } from "../../runtime-native/native-error.js";
import { getSystemErrorName } from "node:util";

/** What the shim could not do, as the user needs to hear it; Docker's 126 and 127 for the command itself. */
export function launchFailure(error: unknown, command: string): unknown {
  if (!(error instanceof NativeError)) return error;
  const { errno, step } = error.details;
  const reason = errno === undefined ? error.message : getSystemErrorName(-errno);
  if (step === "execve") {
    const quoted = JSON.stringify(command);
    if (reason === "ENOENT" || reason === "ENOTDIR") {
      return new BerthError("COMMAND_NOT_FOUND", `${quoted} is not in the container, or its interpreter is not`, {
        cause: error,
      });
    }
    return new BerthError("COMMAND_NOT_EXECUTABLE", `${quoted} cannot be executed in the container: ${reason}`, {
      cause: error,
    });
  }
  if (reason === "EPERM" || reason === "EACCES") {
    return new BerthError("PRIVILEGE", `the container could not be started: ${error.message}`, { cause: error });
  }
  return new BerthError("NATIVE", `the container could not be started: ${error.message}`, { cause: error });
}
