import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { isAbsolute } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { ContainerDefaults } from "../../oci/image-config.js";
import type { Image } from "../../puller/index.js";
import { randomBytes } from "../../runtime-native/index.js";
import { parseCgroupParent } from "../cgroups/cgroup-path.js";
import type { ContainerConfig, HostConfig } from "../container-config.js";
import type { ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";
import { chooseCapabilities, ownCapabilities } from "../spec/capabilities.js";
import { mergeCommand } from "../spec/command-line.js";
import { limitsOf } from "../spec/container-limits.js";
import { DEFAULT_PATH, mergeEnvironment } from "../spec/environment.js";
import { checkNamespaceModes } from "../spec/namespaces.js";
import { rlimitsOf } from "../spec/resource-limit-names.js";
import { parseSecurityOptions } from "../spec/security-options.js";
import { parseStopSignal } from "../spec/signals.js";
import { checkSysctls } from "../spec/sysctls.js";
import { checkMounts } from "../spec/requested-mounts.js";
import { checkContainerName } from "../state/container-names.js";
import { generateName } from "../state/generated-name.js";
import { DEFAULT_HOST_CONFIG, type ConfigRequest } from "./default-host-config.js";
import { discardContainer } from "./discard-container.js";
import { initLayerId, makeInitLayer } from "./init-layer.js";
import { hostsLine, writeNetworkFiles } from "./network-files.js";
import { sweepAbandoned } from "./sweep-abandoned.js";

export interface CreateRequest {
  /** Reference or ID of an image in the local store. */
  readonly image: string;
  readonly name?: string;
  readonly config: ConfigRequest;
  readonly hostConfig: Partial<HostConfig>;
  readonly entrypoint?: readonly string[];
  readonly command: readonly string[];
  /** This process starts it next: with `--rm`, one whose process dies before that is as good as ended. */
  readonly startedNext?: boolean;
}

/**
 * Makes a container; when this resolves it is complete on disk, and after a failure nothing of it is left.
 * @throws BerthError IMAGE_UNKNOWN, NAME_INVALID, ALREADY_EXISTS (name), USAGE for settings that contradict each other
 */
export async function createContainer(engine: Engine, request: CreateRequest): Promise<ContainerRecord> {
  const name = request.name === undefined ? undefined : checkContainerName(request.name);
  const hostConfig = completeHostConfig(request.hostConfig);
  await sweepAbandoned(engine);
  const hold = await engine.store.hold();
  try {
    const image = engine.store.images.find(request.image);
    return await makeContainer(engine, image, { ...request, ...(name !== undefined && { name }) }, hostConfig);
  } finally {
    hold.release();
  }
}

async function makeContainer(
  engine: Engine,
  image: Image,
  request: CreateRequest,
  hostConfig: HostConfig,
): Promise<ContainerRecord> {
  const id = randomBytes(32).toString("hex");
  const { entrypoint, command } = mergeCommand(image.config.config ?? {}, request);
  const [path = "", ...args] = [...(entrypoint ?? []), ...(command ?? [])];
  const config = completeConfig(id, image.config.config ?? {}, request, hostConfig, { entrypoint, command });
  const paths = engine.paths.of(id);
  engine.unfinished.note(id);
  try {
    mkdirSync(paths.directory, { recursive: true, mode: 0o710 });
    const name = takeName(engine, id, request.name);
    const record: ContainerRecord = {
      ID: id,
      Created: new Date().toISOString(),
      Name: name,
      Image: image.id,
      Path: path,
      Args: args,
      Config: config,
      HostConfig: hostConfig,
    };
    await makeInitLayer(engine.store, id, engine.store.layers.stack(image));
    engine.store.overlay.create(id, initLayerId(id));
    writeNetworkFiles(paths, record);
    if (hostConfig.ContainerIDFile !== "") writeIdFile(hostConfig.ContainerIDFile, id);
    engine.containers.writeRecord(record);
    if (!(hostConfig.AutoRemove && request.startedNext === true)) engine.unfinished.finished(id);
    return record;
  } catch (error) {
    await discardContainer(engine, id);
    throw error;
  }
}

/** Everything that can be found wrong without making anything. */
function completeHostConfig(request: Partial<HostConfig>): HostConfig {
  const merged = { ...DEFAULT_HOST_CONFIG, ...request };
  const host: HostConfig = {
    ...merged,
    CgroupParent: parseCgroupParent(merged.CgroupParent),
    ...(merged.Privileged && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
  checkNamespaceModes(host);
  checkSysctls(host);
  checkMounts(host);
  limitsOf(host, undefined);
  rlimitsOf(host.Ulimits);
  parseSecurityOptions(host.SecurityOpt, host.Privileged);
  host.ExtraHosts.forEach(hostsLine);
  const { bounding } = ownCapabilities();
  const { CapAdd, CapDrop, Privileged } = host;
  chooseCapabilities(
    { privileged: Privileged, devicesLimited: true, add: CapAdd ?? [], drop: CapDrop ?? [] },
    bounding,
  );
  return host;
}

function completeConfig(
  id: string,
  image: ContainerDefaults,
  request: CreateRequest,
  host: HostConfig,
  merged: { readonly entrypoint: readonly string[] | null; readonly command: readonly string[] | null },
): ContainerConfig {
  const { config } = request;
  const workingDir = config.WorkingDir || image.WorkingDir || "";
  if (config.WorkingDir !== undefined && config.WorkingDir !== "" && !isAbsolute(config.WorkingDir)) {
    throw new BerthError(
      "USAGE",
      `the working directory ${JSON.stringify(config.WorkingDir)} must be an absolute path`,
    );
  }
  const stopSignal = config.StopSignal ?? image.StopSignal;
  if (stopSignal !== undefined && stopSignal !== "") parseStopSignal(stopSignal);
  return {
    Hostname: config.Hostname ?? defaultHostname(id, host),
    Domainname: config.Domainname ?? "",
    User: config.User ?? image.User ?? "",
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: mergeEnvironment([`PATH=${DEFAULT_PATH}`], image.Env ?? [], config.Env ?? []),
    Cmd: merged.command,
    Image: request.image,
    WorkingDir: workingDir,
    Entrypoint: merged.entrypoint,
    Labels: { ...image.Labels, ...config.Labels },
    ...(stopSignal !== undefined && stopSignal !== "" && { StopSignal: stopSignal }),
    ...(config.StopTimeout !== undefined && { StopTimeout: config.StopTimeout }),
  };
}

/** Docker's: on the host's network the host's name, which its resolver knows. */
function defaultHostname(id: string, { UTSMode, NetworkMode }: HostConfig): string {
  if (UTSMode === "host") return "";
  return NetworkMode === "host" ? hostname() : id.slice(0, 12);
}

function writeIdFile(path: string, id: string): void {
  try {
    writeFileSync(path, id, { flag: "wx" });
  } catch (cause) {
    const code = errnoOf(cause);
    const why = code === "EEXIST" ? "it is there already, maybe another container's" : (code ?? String(cause));
    throw new BerthError("USAGE", `--cidfile ${path} cannot be written: ${why}`, { cause });
  }
}

function takeName(engine: Engine, id: string, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (engine.names.take(wanted, id)) return wanted;
    const holder = engine.names.holder(wanted)?.slice(0, 12) ?? "another one";
    throw new BerthError(
      "ALREADY_EXISTS",
      `the container name ${wanted} is taken by ${holder}: remove or rename that one, or choose another name`,
    );
  }
  for (let attempt = 0; ; attempt++) {
    const name = generateName(attempt);
    if (engine.names.take(name, id)) return name;
  }
}
