import { locateContainerCgroup } from "../cgroups/container-cgroup.js";
import { setFrozen } from "../cgroups/freezer.js";
import type { ContainerRecord, ContainerState } from "../container-record.js";
import type { Engine } from "../engine.js";

/**
 * Holds all processes of a running container still while `work` is done. The caller holds its lock. The record says
 * "paused" meanwhile, so that `unpause` helps should this process be killed.
 * @throws BerthError CONTROLLER_MISSING, TIMEOUT
 */
export async function whileFrozen<T>(
  engine: Engine,
  record: ContainerRecord,
  state: ContainerState,
  work: () => Promise<T>,
): Promise<T> {
  const cgroup = locateContainerCgroup(engine.cgroupLayout(), record.HostConfig.CgroupParent, record.ID);
  await setFrozen(cgroup, true);
  try {
    engine.containers.writeState(record.ID, { ...state, Status: "paused" });
    return await work();
  } finally {
    await setFrozen(cgroup, false);
    engine.containers.writeState(record.ID, state);
  }
}
