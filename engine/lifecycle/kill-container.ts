import { BerthError, isBerthError } from "../../oci/errors.js";
import { shimRequest } from "../../runtime-native/shim-protocol.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { findContainer } from "../list-containers.js";
import { askShim } from "../shim/shim-request.js";
import { thawUnlessEnded } from "./pause-container.js";

const SIGKILL = 9;

/**
 * Sends a signal to the container's first process, by its shim: a pid might be another's by now.
 * @throws BerthError CONTAINER_STATE when it does not run
 */
export async function killContainer(engine: Engine, id: string, signal: number): Promise<void> {
  const { record, state } = findContainer(engine, id);
  if (!isRunning(state)) throw new BerthError("CONTAINER_STATE", `container ${record.Name} is not running`);
  await askShim(engine.paths.of(id).socket, shimRequest.kill(signal));
  // A v1 freezer holds even those that are to be killed.
  if (signal === SIGKILL && state.Status === "paused") await thawUnlessEnded(engine, id);
}

/** The same for one that is to end, and may just have done so. */
export async function killUnlessEnded(engine: Engine, id: string, signal: number): Promise<void> {
  try {
    await killContainer(engine, id, signal);
  } catch (error) {
    if (!isBerthError(error, "CONTAINER_STATE")) throw error;
  }
}
