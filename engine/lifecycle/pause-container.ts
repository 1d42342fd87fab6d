import { BerthError } from "../../oci/errors.js";
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
