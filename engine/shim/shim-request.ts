import { BerthError } from "../../oci/errors.js";
import type { ShimMessage } from "../../runtime-native/shim-protocol.js";
import { ShimConnection } from "./shim-connection.js";

/** Sends one frame and returns the first answer. @throws BerthError CONTAINER_STATE, and what the shim reports */
export async function askShim(socketPath: string, frame: Buffer): Promise<ShimMessage> {
  const connection = await ShimConnection.open(socketPath);
  try {
    connection.send(frame);
    for await (const message of connection.messages()) {
      if (message.type === "error") throw message.error;
      return message;
    }
    throw new BerthError("CONTAINER_STATE", "the container ended before it could answer");
  } finally {
    connection.close();
  }
}
