import { BerthError } from "../../oci/errors.js";
import { NativeError } from "../../runtime-native/native-error.js";

/** What the shim could not do, as the user needs to hear it; Docker's 127 and 126 for the command itself. */
export function launchFailure(error: unknown, command: string): unknown {
  if (!(error instanceof NativeError)) return error;
  // The kernel's words come last in a native message, after step and path.
  const reason = error.message.split(": ").at(-1) ?? error.message;
  const options = { cause: error, details: error.details };
  switch (error.code) {
    case "COMMAND_NOT_FOUND":
      return new BerthError(
        "COMMAND_NOT_FOUND",
        `${JSON.stringify(command)} is not there in the container, or its interpreter is not: ${reason}`,
        options,
      );
    case "COMMAND_NOT_EXECUTABLE":
      return new BerthError(
        "COMMAND_NOT_EXECUTABLE",
        `${JSON.stringify(command)} cannot be executed in the container: ${reason}`,
        options,
      );
    default:
      return new BerthError("NATIVE", `the container's process could not be started: ${error.message}`, options);
  }
}
