import { existsSync } from "node:fs";

import { locateContainerCgroup } from "../cgroups/container-cgroup.js";
import { processesOf } from "../cgroups/cgroup-processes.js";
import { isRunning, type Container, type ContainerState } from "../container-record.js";
import type { Engine } from "../engine.js";
import { identifyProcess, isAlive, parentOf } from "../state/process-identity.js";
import { readExitRecord } from "./exit-record.js";

/** Docker's status for a container whose end nobody saw. */
const UNSEEN_EXIT_CODE = 255;

export interface CurrentState {
  readonly state: ContainerState;
  /** Its shim has gone without writing an exit record: mounts, cgroup and processes may be left. */
  readonly crashed: boolean;
}

/** The state on disk, corrected by what the shim has written and by what /proc says. Changes nothing. */
export function currentState(engine: Engine, container: Container): CurrentState {
  const { record, state } = container;
  if (!isRunning(state)) {
    // Between launch and note the process that started it may have died; the shim's socket shows it.
    const orphan = existsSync(engine.paths.of(record.ID).socket) ? findOrphan(engine, container) : undefined;
    return orphan ? { state: orphan, crashed: false } : { state, crashed: false };
  }
  const shim = { pid: state.ShimPid, startTime: state.ShimStartTime };
  const alive = isAlive(shim);
  // Read after looking at the shim: it writes the record before it ends.
  const exit = readExitRecord(engine, record);
  if (exit !== undefined)
    return { state: exited(state, exit.exitCode, exit.oomKilled, exit.finishedAt), crashed: false };
  if (alive) return { state, crashed: false };
  const unseen = exited(state, UNSEEN_EXIT_CODE, false, new Date().toISOString());
  return { state: { ...unseen, Error: "its shim has gone; how it ended is not known" }, crashed: true };
}

function exited(state: ContainerState, exitCode: number, oomKilled: boolean, finishedAt: string): ContainerState {
  return {
    ...state,
    Status: "exited",
    Pid: 0,
    ShimPid: 0,
    ShimStartTime: 0,
    ExitCode: exitCode,
    OOMKilled: oomKilled,
    FinishedAt: finishedAt,
  };
}

/** A container that runs although its record does not say so: its first process is the one whose parent is outside. */
function findOrphan(engine: Engine, { record, state }: Container): ContainerState | undefined {
  if (readExitRecord(engine, record) !== undefined) return undefined;
  const cgroup = locateContainerCgroup(engine.cgroupLayout(), record.HostConfig.CgroupParent, record.ID);
  const inside = new Set(processesOf(cgroup));
  for (const pid of inside) {
    const parent = parentOf(pid);
    const shim = parent === undefined || inside.has(parent) ? undefined : identifyProcess(parent);
    if (shim === undefined) continue;
    return {
      ...state,
      Status: "running",
      Pid: pid,
      ShimPid: shim.pid,
      ShimStartTime: shim.startTime,
      StartedAt: new Date().toISOString(),
    };
  }
  return undefined;
}
