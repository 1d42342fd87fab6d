import { BerthError } from "../../oci/errors.js";
import { shimRequest } from "../../runtime-native/shim-protocol.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { findContainer } from "../list-containers.js";
import { ShimConnection } from "../shim/shim-connection.js";

export interface AttachStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A connection that gets the output from now on. @throws BerthError CONTAINER_STATE */
export async function attachContainer(engine: Engine, id: string, streams: AttachStreams): Promise<ShimConnection> {
  const { record, state } = findContainer(engine, id);
  if (!isRunning(state))
    throw new BerthError("CONTAINER_STATE", `container ${record.Name} is not running: start it first`);
  if (state.Status === "paused")
    throw new BerthError("CONTAINER_STATE", `container ${record.Name} is paused: unpause it first`);
  const connection = await ShimConnection.open(engine.paths.of(id).socket);
  connection.send(shimRequest.attach(streams));
  return connection;
}
