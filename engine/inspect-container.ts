import { readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import type { HostConfig } from "./container-config.js";
import { isRunning, type Container, type ContainerRecord } from "./container-record.js";
import type { Engine } from "./engine.js";
import { parseBind } from "./spec/bind-specification.js";

/** `docker inspect` of a container, in Docker's shape. */
export function inspectContainer(engine: Engine, { record, state }: Container): Record<string, unknown> {
  const paths = engine.paths.of(record.ID);
  return {
    Id: record.ID,
    Created: record.Created,
    Path: record.Path,
    Args: record.Args,
    State: {
      Status: state.Status,
      Running: isRunning(state),
      Paused: state.Status === "paused",
      Restarting: false,
      OOMKilled: state.OOMKilled,
      Dead: state.Status === "dead",
      Pid: state.Pid,
      ExitCode: state.ExitCode,
      Error: state.Error,
      StartedAt: state.StartedAt,
      FinishedAt: state.FinishedAt,
    },
    Image: record.Image,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: record.HostConfig.LogConfig.Type === "json-file" ? paths.log : "",
    Name: `/${record.Name}`,
    RestartCount: 0,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: { ...record.HostConfig, RestartPolicy: { Name: "no", MaximumRetryCount: 0 } },
    GraphDriver: { Name: "overlay2", Data: graphDriverData(engine, record.ID) },
    Mounts: mountPoints(record.HostConfig),
    Config: record.Config,
    NetworkSettings: { Bridge: "", Ports: {}, IPAddress: "", Gateway: "", MacAddress: "", Networks: networks(record) },
  };
}

/** LowerDir topmost first: the -init layer, then the image's. */
function graphDriverData({ store }: Engine, id: string): Record<string, string> {
  const { overlay } = store;
  const paths = overlay.paths(id);
  const init = overlay.paths(`${id}-init`).diff;
  const image = overlay
    .lowerLinks(id)
    .slice(1)
    .map((link) => followLink(overlay.base, link));
  return {
    LowerDir: [init, ...image].join(":"),
    MergedDir: paths.merged,
    UpperDir: paths.diff,
    WorkDir: paths.work,
  };
}

/** overlay2/l/<link> -> ../<cache-id>/diff */
function followLink(base: string, link: string): string {
  return resolve(join(base, dirname(link)), readlinkSync(join(base, link)));
}

function mountPoints(host: HostConfig): Record<string, unknown>[] {
  const binds = (host.Binds ?? []).map(parseBind).map(({ source, target, readonly, propagation }) => ({
    Type: "bind",
    Source: source,
    Destination: target,
    Mode: readonly ? "ro" : "",
    RW: !readonly,
    Propagation: propagation,
  }));
  const mounts = host.Mounts.map((mount) => ({
    Type: mount.Type,
    Source: mount.Source,
    Destination: mount.Target,
    Mode: "",
    RW: !mount.ReadOnly,
    Propagation: mount.Type === "bind" ? (mount.BindOptions?.Propagation ?? "rprivate") : "",
  }));
  const tmpfs = Object.keys(host.Tmpfs).map((target) => ({
    Type: "tmpfs",
    Source: "",
    Destination: target,
    Mode: "",
    RW: true,
    Propagation: "",
  }));
  return [...binds, ...mounts, ...tmpfs];
}

function networks({ HostConfig }: ContainerRecord): Record<string, unknown> {
  const mode = HostConfig.NetworkMode;
  return mode.startsWith("container:") ? {} : { [mode]: { IPAddress: "", Gateway: "", MacAddress: "" } };
}
