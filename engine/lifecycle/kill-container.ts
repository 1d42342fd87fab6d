import { BerthError, errnoOf } from "../../oci/errors.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { setContainerFrozen } from "./pause-container.js";
import { currentState } from "./current-state.js";

const SIGKILL = 9;

/**
 * Sends a signal to the container's first process.
 * @throws BerthError CONTAINER_STATE when it does not run
 */
export async function killContainer(engine: Engine, id: string, signal: number): Promise<void> {
  const { record, state } = currentContainer(engine, id);
  if (!isRunning(state)) throw new BerthError("CONTAINER_STATE", `container ${record.Name} is not running`);
  try {
    process.kill(state.Pid, signal);
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
  // A v1 freezer holds even those that are to be killed.
  if (signal === SIGKILL && state.Status === "paused") await setContainerFrozen(engine, id, false);
}

function currentContainer(engine: Engine, id: string) {
  const container = engine.containers.require(id);
  return { record: container.record, state: currentState(engine, container).state };
}
