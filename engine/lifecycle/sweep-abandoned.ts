import { BerthError, isBerthError } from "../../oci/errors.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { currentState } from "./current-state.js";
import { discardContainer } from "./discard-container.js";
import { settleState } from "./settle-state.js";

/** Finishes what processes that died had begun: half-made containers go, and those with `--rm` that have ended meanwhile or were not started. */
export async function sweepAbandoned(engine: Engine): Promise<void> {
  for (const id of engine.unfinished.abandoned()) {
    try {
      await finish(engine, id);
    } catch (error) {
      if (isBerthError(error, "CONTAINER_UNKNOWN")) continue;
      throw new BerthError("STORAGE", `what is left of container ${id} could not be removed: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

async function finish(engine: Engine, id: string): Promise<void> {
  if (engine.containers.load(id) === undefined) {
    await discardContainer(engine, id);
    return;
  }
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.load(id);
    if (container === undefined) return;
    if (container.record.HostConfig.AutoRemove) {
      if (isRunning(currentState(engine, container).state)) return;
      await settleState(engine, container);
      await discardContainer(engine, id);
    } else if (container.state.Status === "removing") {
      await discardContainer(engine, id);
    } else {
      engine.unfinished.finished(id);
    }
  } finally {
    lock.release();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
