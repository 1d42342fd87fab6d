import { BerthError } from "../../oci/errors.js";
import { NativeError } from "../../runtime-native/native-error.js";

/** What the shim could not do, as the user needs to hear it; Docker's 127 and 126 for the command itself. */
export function launchFailure(error: unknown, command: string): unknown {
  if (!(error instanceof NativeError)) return error;
  const quoted = JSON.stringify(command);
  switch (error.code) {
    case "COMMAND_NOT_FOUND":
      return new BerthError("COMMAND_NOT_FOUND", `${quoted} is not in the container: ${error.message}`, {
        cause: error,
      });
    case "COMMAND_NOT_EXECUTABLE":
      return new BerthError(
        "COMMAND_NOT_EXECUTABLE",
        `${quoted} cannot be executed in the container: ${error.message}`,
        {
          cause: error,
        },
      );
    default:
      return new BerthError("NATIVE", `the container's process could not be started: ${error.message}`, {
        cause: error,
      });
  }
}
