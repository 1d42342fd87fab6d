import type { Digest } from "../oci/digest.js";
import type { ContainerConfig, HostConfig } from "./container-config.js";

/** What is decided when a container is created; only its name changes later. On disk: config.v2.json. */
export interface ContainerRecord {
  /** 64 hex digits. */
  readonly ID: string;
  /** RFC 3339 with milliseconds or more, UTC. */
  readonly Created: string;
  /** Without Docker's leading slash. */
  readonly Name: string;
  /** The image's ID. */
  readonly Image: Digest;
  /** The command with its arguments: entrypoint and command put together. */
  readonly Path: string;
  readonly Args: readonly string[];
  readonly Config: ContainerConfig;
  readonly HostConfig: HostConfig;
}

export type ContainerStatus = "created" | "running" | "paused" | "removing" | "exited" | "dead";

/** What changes while a container lives. On disk: state.json. */
export interface ContainerState {
  readonly Status: ContainerStatus;
  /** Host pids; 0 when it does not run. */
  readonly Pid: number;
  readonly ShimPid: number;
  /** starttime of the shim (proc_pid_stat(5), field 22), because pids are used again. */
  readonly ShimStartTime: number;
  readonly ExitCode: number;
  readonly OOMKilled: boolean;
  /** Why the last start failed, one line. */
  readonly Error: string;
  readonly StartedAt: string;
  readonly FinishedAt: string;
}

export interface Container {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

/** Go's zero time, which Docker prints for "not yet". */
export const NEVER = "0001-01-01T00:00:00Z";

export const CREATED_STATE: ContainerState = {
  Status: "created",
  Pid: 0,
  ShimPid: 0,
  ShimStartTime: 0,
  ExitCode: 0,
  OOMKilled: false,
  Error: "",
  StartedAt: NEVER,
  FinishedAt: NEVER,
};

export function isRunning(state: ContainerState): boolean {
  return state.Status === "running" || state.Status === "paused";
}
