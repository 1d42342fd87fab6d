import { existsSync, mkdirSync } from "node:fs";
import { normalize } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { MountPlan } from "../../runtime-native/launch-plan.js";
import type { HostConfig, MountRequest } from "../container-config.js";
import { checkMountTarget, parseBind, parsePropagation } from "./bind-specification.js";
import { tmpfsMount } from "./tmpfs-options.js";

/** -v, --mount and --tmpfs, parents before children, so that one mounted below another is seen. @throws BerthError USAGE */
export function requestedMounts(host: HostConfig): MountPlan[] {
  const mounts = mountsOf(host);
  // Docker makes a missing host directory for -v, and not for --mount.
  for (const { source } of (host.Binds ?? []).map(parseBind)) {
    if (!existsSync(source)) makeSource(source);
  }
  return mounts.sort((a, b) => depthOf(a.target) - depthOf(b.target));
}

function makeSource(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new BerthError("USAGE", `-v: ${path} cannot be made on this host: ${errnoOf(cause) ?? String(cause)}`, {
      cause,
    });
  }
}

/** The checks of requestedMounts, without making anything. @throws BerthError USAGE, UNSUPPORTED */
export function checkMounts(host: HostConfig): void {
  mountsOf(host);
}

function mountsOf(host: HostConfig): MountPlan[] {
  const mounts = [
    ...(host.Binds ?? []).map(bindMount),
    ...host.Mounts.map(mountOf),
    ...Object.entries(host.Tmpfs).map(([target, options]) => {
      checkMountTarget(target);
      return tmpfsMount(target, options);
    }),
  ];
  const targets = mounts.map(({ target }) => normalize(`${target}/`));
  const twice = targets.find((target, i) => targets.indexOf(target) !== i);
  if (twice !== undefined) throw new BerthError("USAGE", `two mounts on ${twice.slice(0, -1)}: each path can have one`);
  return mounts;
}

function bindMount(text: string): MountPlan {
  const { source, target, readonly, propagation } = parseBind(text);
  return { type: "rbind", source, target, options: { readonly }, data: "", propagation };
}

function mountOf(request: MountRequest): MountPlan {
  checkMountTarget(request.Target);
  if (request.Type === "tmpfs") {
    const { SizeBytes, Mode } = request.TmpfsOptions ?? {};
    const options = [
      ...(request.ReadOnly ? ["ro"] : []),
      ...(SizeBytes === undefined ? [] : [`size=${String(SizeBytes)}`]),
      ...(Mode === undefined ? [] : [`mode=${Mode.toString(8)}`]),
    ];
    return tmpfsMount(request.Target, options.join(","));
  }
  if (!request.Source.startsWith("/") || !existsSync(request.Source)) {
    throw new BerthError("USAGE", `--mount: there is no ${request.Source || "source"} on this host`);
  }
  return {
    type: "rbind",
    source: request.Source,
    target: request.Target,
    options: { readonly: request.ReadOnly },
    data: "",
    propagation: parsePropagation(request.BindOptions?.Propagation ?? "rprivate"),
  };
}

function depthOf(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}
