import { BerthError, errnoOf, isBerthError } from "../../oci/errors.js";
import { locateContainerCgroup } from "../cgroups/container-cgroup.js";
import { setFrozen } from "../cgroups/freezer.js";
import type { Engine } from "../engine.js";
import { settleState } from "./settle-state.js";

/** Pause and unpause. @throws BerthError CONTAINER_STATE when it does not run, or is so already */
export async function setContainerFrozen(engine: Engine, id: string, frozen: boolean): Promise<void> {
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const state = await settleState(engine, container);
    const { record } = container;
    if (state.Status !== (frozen ? "running" : "paused")) {
      const why = frozen && state.Status === "paused" ? "is paused already" : `is not ${frozen ? "running" : "paused"}`;
      throw new BerthError("CONTAINER_STATE", `container ${record.Name} ${why}`);
    }
    await setFrozen(locateContainerCgroup(engine.cgroupLayout(), record.HostConfig.CgroupParent, id), frozen);
    engine.containers.writeState(id, { ...state, Status: frozen ? "paused" : "running" });
  } finally {
    lock.release();
  }
}

/** For a container that a signal may be ending at this moment. */
export async function thawUnlessEnded(engine: Engine, id: string): Promise<void> {
  try {
    await setContainerFrozen(engine, id, false);
  } catch (error) {
    const gone =
      isBerthError(error, "CONTAINER_STATE", "CONTAINER_UNKNOWN") ||
      ["ENOENT", "ENODEV"].includes(errnoOf(error) ?? "");
    if (!gone) throw error;
  }
}
