import { openLocalStore, type LocalStore } from "../puller/index.js";
import { readCgroupLayout, type CgroupLayout } from "./cgroups/cgroup-layout.js";
import { EnginePaths } from "./container-paths.js";
import { ContainerNames } from "./state/container-names.js";
import { ContainerStore } from "./state/container-store.js";
import { UnfinishedWork } from "./state/unfinished-work.js";

export interface EngineOptions {
  /** State: images and containers. */
  readonly root: string;
  /** What does not outlive a reboot: sockets. Short, for the path of a unix socket holds 107 bytes. */
  readonly runRoot: string;
  /** Command line that removes a container, its ID to be added; the shim runs it for `-d --rm`. */
  readonly removeCommand?: readonly string[];
}

/** What the lifecycle's functions work on. Opening it touches nothing. */
export interface Engine {
  readonly options: EngineOptions;
  readonly paths: EnginePaths;
  readonly names: ContainerNames;
  readonly containers: ContainerStore;
  readonly unfinished: UnfinishedWork;
  readonly store: LocalStore;
  /** Read once. */
  cgroupLayout(): CgroupLayout;
}

export function openEngine(options: EngineOptions): Engine {
  const paths = new EnginePaths(options.root, options.runRoot);
  const names = new ContainerNames(paths.names);
  let layout: CgroupLayout | undefined;
  return {
    options,
    paths,
    names,
    containers: new ContainerStore(paths, names),
    unfinished: new UnfinishedWork(paths.unfinished),
    store: openLocalStore(options.root),
    cgroupLayout: () => (layout ??= readCgroupLayout()),
  };
}
