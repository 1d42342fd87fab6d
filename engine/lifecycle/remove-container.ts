import { BerthError } from "../../oci/errors.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { findContainer } from "../list-containers.js";
import { discardContainer } from "./discard-container.js";
import { killUnlessEnded } from "./kill-container.js";
import { settleState } from "./settle-state.js";
import { waitContainer } from "./wait-container.js";

const SIGKILL = 9;

/**
 * Removes a container with its upper layer, log and name.
 * @param options.force kill it first when it runs
 * @throws BerthError CONTAINER_UNKNOWN; CONFLICT when it runs
 */
export async function removeContainer(engine: Engine, id: string, options: { readonly force: boolean }): Promise<void> {
  const { record, state } = findContainer(engine, id);
  if (isRunning(state)) {
    if (!options.force) {
      throw new BerthError("CONFLICT", `container ${record.Name} is running: stop it first, or remove it with -f`);
    }
    await killUnlessEnded(engine, id, SIGKILL);
    await waitContainer(engine, id);
  }
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const settled = await settleState(engine, container);
    if (isRunning(settled)) throw new BerthError("CONFLICT", `container ${record.Name} was started again meanwhile`);
    engine.unfinished.note(id);
    await discardContainer(engine, id);
  } finally {
    lock.release();
  }
}
