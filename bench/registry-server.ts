import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { BERTH } from "./figure.js";
import { HttpConnection } from "./http-connection.js";
import { BERTH_COMMAND, PLAIN_ENVIRONMENT, type Contender } from "./contenders.js";
import { ON_SERVER_CORES } from "./pinned-cores.js";
import type { Scratch } from "./scratch.js";

export interface RegistryServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export const DOCKER_REGISTRY_BINARY = "/usr/bin/docker-registry";
const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;

export interface Registry extends Contender {
  start(scratch: Scratch): Promise<RegistryServer>;
}

export const REGISTRIES: readonly Registry[] = [
  { name: BERTH, programs: BERTH_COMMAND, start: startBerthRegistry },
  { name: "docker-registry", programs: [DOCKER_REGISTRY_BINARY], start: startDockerRegistry },
];

async function startBerthRegistry(scratch: Scratch): Promise<RegistryServer> {
  const directory = scratch.volume("berth-registry");
  mkdirSync(directory);
  const port = await freePort();
  const serve = ["registry", "serve", "--listen", `127.0.0.1:${port}`, "--root", join(directory, "data")];
  return await startServer(BERTH, directory, port, [...BERTH_COMMAND, ...serve]);
}

async function startDockerRegistry(scratch: Scratch): Promise<RegistryServer> {
  const directory = scratch.volume("docker-registry");
  mkdirSync(directory);
  const port = await freePort();
  const file = join(directory, "config.json");
  // Debian's own /etc/docker/registry/config.yml but for its password file; JSON is YAML.
  const config = {
    version: 0.1,
    log: { fields: { service: "registry" } },
    storage: {
      cache: { blobdescriptor: "inmemory" },
      filesystem: { rootdirectory: join(directory, "data") },
      delete: { enabled: true },
    },
    http: { addr: `127.0.0.1:${port}`, headers: { "X-Content-Type-Options": ["nosniff"] } },
    health: { storagedriver: { enabled: true, interval: "10s", threshold: 3 } },
  };
  writeFileSync(file, JSON.stringify(config));
  return await startServer("docker-registry", directory, port, [DOCKER_REGISTRY_BINARY, "serve", file]);
}

/** Output goes to a file on the same disk for every server, so that each pays for its own log. */
export async function startServer(
  name: string,
  directory: string,
  port: number,
  command: readonly string[],
): Promise<RegistryServer> {
  const log = join(directory, "log");
  const output = openSync(log, "w");
  const [program = "", ...args] = [...ON_SERVER_CORES, ...command];
  const child = spawn(program, args, { stdio: ["ignore", output, output], env: PLAIN_ENVIRONMENT });
  closeSync(output);
  const running: RegistryServer = { name, port, pid: child.pid ?? 0, stop: async () => await stop(child) };
  child.once("error", () => undefined);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (child.exitCode === null && child.pid !== undefined && performance.now() < deadline) await sleep(50);
    else {
      await stop(child);
      throw new Error(`${name} does not serve: ${readFileSync(log, "utf8").slice(-1000)}`);
    }
  }
  return running;
}

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await HttpConnection.open(port);
    const { status } = await connection.request("GET", "/v2/");
    connection.close();
    return status === 200;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(kill);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
