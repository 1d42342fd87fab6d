import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";

import { BerthError } from "../../oci/errors.js";
import { launchShim, type LaunchedContainer } from "../../runtime-native/index.js";
import { createContainerCgroup, locateContainerCgroup, removeContainerCgroup } from "../cgroups/container-cgroup.js";
import { CREATED_STATE, isRunning, NEVER, type Container, type ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";
import { findContainer } from "../list-containers.js";
import { limitsOf } from "../spec/container-limits.js";
import { containerDevices } from "../spec/devices.js";
import { buildLaunchPlan } from "../spec/launch-plan-builder.js";
import { namespaceWarnings } from "../spec/namespaces.js";
import { processPlan } from "../spec/process-plan.js";
import { identifyProcess } from "../state/process-identity.js";
import { exitFileOf } from "./exit-record.js";
import { launchFailure } from "./launch-failure.js";
import { requirePrivilege } from "./privilege.js";
import { settleState } from "./settle-state.js";

export interface StartOptions {
  /** Hand back a connection that sees the output from its first byte. */
  readonly attach: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  /** With `--rm`: this process stays until the container has ended and removes it; otherwise the shim sees to it. */
  readonly removedByCaller?: boolean;
}

export interface StartedContainer extends Partial<LaunchedContainer> {
  readonly warnings: readonly string[];
}

/**
 * Starts a created or stopped container; resolves when its command has been executed. One that runs is left alone. After a
 * failure no process, mount, cgroup or namespace of it is left, and the reason is in its record.
 * @throws BerthError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, PRIVILEGE, CONTROLLER_MISSING, USAGE, CONTAINER_UNKNOWN
 */
export async function startContainer(engine: Engine, id: string, options: StartOptions): Promise<StartedContainer> {
  requirePrivilege();
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const state = await settleState(engine, container);
    if (isRunning(state)) {
      if (options.attach) throw new BerthError("CONTAINER_STATE", `${container.record.Name} runs already: use attach`);
      return { warnings: [] };
    }
    return await launch(engine, container, options);
  } finally {
    lock.release();
  }
}

async function launch(engine: Engine, container: Container, options: StartOptions): Promise<StartedContainer> {
  const { record } = container;
  const paths = engine.paths.of(record.ID);
  const layout = engine.cgroupLayout();
  let launched: LaunchedContainer;
  let warnings: readonly string[];
  try {
    const devices = containerDevices(record.HostConfig);
    const process = processPlan(engine, record, firstProcess(record, options));
    const limits = limitsOf(record.HostConfig, devices.rules);
    const cgroup = createContainerCgroup(layout, record.HostConfig.CgroupParent, record.ID, limits);
    warnings = [...cgroup.warnings, ...namespaceWarnings(record.HostConfig)];
    prepareRunState(engine, record);
    const plan = buildLaunchPlan({
      record,
      paths,
      overlay: engine.store.overlay,
      layout,
      devices,
      cgroup: cgroup.plan,
      process,
      exitFile: exitFileOf(engine, record),
      attach: options.attach,
      ...removal(engine, record, options),
      pidOf: (name) => pidOf(engine, name),
    });
    launched = await launchShim(plan);
  } catch (error) {
    removeContainerCgroup(locateContainerCgroup(layout, record.HostConfig.CgroupParent, record.ID));
    rmSync(paths.run, { recursive: true, force: true });
    rmSync(paths.socket, { force: true });
    const failure = launchFailure(error, record.Path);
    const message = failure instanceof Error ? failure.message : String(failure);
    engine.containers.writeState(record.ID, { ...CREATED_STATE, ExitCode: exitCodeOf(failure), Error: message });
    throw failure;
  }
  engine.containers.writeState(record.ID, {
    ...CREATED_STATE,
    Status: "running",
    Pid: launched.pid,
    ShimPid: launched.shimPid,
    ShimStartTime: identifyProcess(launched.shimPid)?.startTime ?? 0,
    StartedAt: new Date().toISOString(),
    FinishedAt: NEVER,
  });
  return { ...launched, warnings };
}

function firstProcess({ Path, Args, Config, HostConfig }: ContainerRecord, { consoleSize }: StartOptions) {
  return {
    args: [Path, ...Args],
    env: [],
    cwd: Config.WorkingDir,
    user: Config.User,
    tty: Config.Tty,
    privileged: HostConfig.Privileged,
    ...(consoleSize && { consoleSize }),
  };
}

function prepareRunState(engine: Engine, record: ContainerRecord): void {
  const paths = engine.paths.of(record.ID);
  for (const file of [paths.exitFile, paths.transientExitFile, paths.socket]) rmSync(file, { force: true });
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  mkdirSync(dirname(paths.socket), { recursive: true, mode: 0o700 });
}

/** The note makes the next process finish the removal, should the one that promised it die. */
function removal(engine: Engine, record: ContainerRecord, options: StartOptions): { onExit?: readonly string[] } {
  if (!record.HostConfig.AutoRemove) return {};
  engine.unfinished.note(record.ID);
  const command = engine.options.removeCommand;
  return options.removedByCaller || command === undefined ? {} : { onExit: [...command, record.ID] };
}

function pidOf(engine: Engine, nameOrId: string): number {
  const { state } = findContainer(engine, nameOrId);
  if (state.Pid === 0) throw new BerthError("CONTAINER_STATE", `cannot join ${nameOrId}: it does not run`);
  return state.Pid;
}

function exitCodeOf(failure: unknown): number {
  const code = failure instanceof BerthError ? failure.code : undefined;
  return code === "COMMAND_NOT_FOUND" ? 127 : code === "COMMAND_NOT_EXECUTABLE" ? 126 : 128;
}
