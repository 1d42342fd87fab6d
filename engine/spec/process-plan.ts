import { BerthError } from "../../oci/errors.js";
import type { ProcessPlan } from "../../runtime-native/launch-plan.js";
import type { ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";
import { hasController } from "../cgroups/cgroup-layout.js";
import { defaultSeccompPlan } from "../seccomp/default-profile.js";
import { compiledFilter } from "../seccomp/filter-cache.js";
import { capabilityPlan, chooseCapabilities, ownCapabilities } from "./capabilities.js";
import { mergeEnvironment, processEnvironment } from "./environment.js";
import { readLayeredFile } from "./layered-files.js";
import { rlimitsOf } from "./resource-limit-names.js";
import { parseSecurityOptions } from "./security-options.js";
import { lookUpUser, type ContainerUser } from "./user-lookup.js";

export interface ProcessRequest {
  readonly args: readonly string[];
  /** On top of the container's. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly tty: boolean;
  readonly privileged: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

/** @throws BerthError USAGE when the user or group is not known to the container */
export function processPlan(engine: Engine, record: ContainerRecord, request: ProcessRequest): ProcessPlan {
  const { Config, HostConfig } = record;
  if (request.cwd !== "" && !request.cwd.startsWith("/")) {
    throw new BerthError("USAGE", `the working directory ${JSON.stringify(request.cwd)} must be an absolute path`);
  }
  const user = userOf(engine, record, request.user);
  const options = parseSecurityOptions(HostConfig.SecurityOpt, request.privileged);
  const capabilities = chooseCapabilities(
    {
      privileged: request.privileged,
      devicesLimited: hasController(engine.cgroupLayout(), "devices"),
      add: HostConfig.CapAdd ?? [],
      drop: HostConfig.CapDrop ?? [],
    },
    ownCapabilities().bounding,
  );
  const facts = { hostname: Config.Hostname, tty: request.tty, home: user.home };
  return {
    args: request.args,
    env: processEnvironment(mergeEnvironment(Config.Env, request.env), facts),
    cwd: request.cwd === "" ? "/" : request.cwd,
    uid: user.uid,
    gid: user.gid,
    additionalGids: user.additionalGids,
    capabilities: capabilityPlan(capabilities, user.uid),
    noNewPrivileges: options.noNewPrivileges,
    rlimits: rlimitsOf(HostConfig.Ulimits),
    tty: request.tty,
    ...(options.seccomp === "default" && {
      seccomp: compiledFilter(engine.paths.seccomp, defaultSeccompPlan(capabilities, process.arch)),
    }),
    ...(request.consoleSize && { consoleSize: request.consoleSize }),
  };
}

/** Looked up in the layers, which need not be mounted: the container's own files, upper layer first. */
function userOf({ store }: Engine, record: ContainerRecord, spec: string): ContainerUser {
  const { overlay } = store;
  const layers = [
    overlay.paths(record.ID).diff,
    ...overlay.lowerLinks(record.ID).map((link) => `${overlay.base}/${link}`),
  ];
  return lookUpUser(spec, (path) => readLayeredFile(layers, path), record.HostConfig.GroupAdd);
}
