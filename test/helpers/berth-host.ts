import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, type Dirent } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PROJECT } from "./project.js";
import { inTheEnd, waitUntil } from "./wait-until.js";

export const BERTH = join(PROJECT, "dist/bin/berth.js");

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The `berth` command as a user runs it, with state of its own in a temporary directory. */
export class BerthHost {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-e2e-"));
  readonly root = join(this.directory, "root");
  readonly env: NodeJS.ProcessEnv = { ...process.env, BERTH_ROOT: this.root, BERTH_RUN: join(this.directory, "run") };
  readonly #children: ChildProcess[] = [];

  /** Runs the command to its end, whatever its status. */
  try(args: readonly string[], options: { input?: string; timeoutMs?: number } = {}): Outcome {
    const { input = "", timeoutMs = 300_000 } = options;
    const ran = spawnSync(process.execPath, [BERTH, ...args], {
      env: this.env,
      cwd: this.directory,
      encoding: "utf8",
      input,
      timeout: timeoutMs,
      maxBuffer: 64 << 20,
    });
    return { status: ran.status ?? 255, stdout: ran.stdout, stderr: ran.stderr };
  }

  /** Runs the command and returns its standard output without the last newline. @throws Error unless it exits with 0 */
  run(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.try(args);
    if (status !== 0) throw new Error(`berth ${args.join(" ")} exited with ${String(status)}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, "");
  }

  /** `berth inspect NAME`, parsed. */
  inspect<T>(name: string): T {
    const [first] = JSON.parse(this.run("inspect", name)) as T[];
    if (first === undefined) throw new Error(`inspect ${name} gave nothing`);
    return first;
  }

  /** A command that goes on, such as a server; ended by `dispose`. */
  start(...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [BERTH, ...args], {
      env: this.env,
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    return child;
  }

  /** `berth registry serve` on a port of loopback. Resolves to `127.0.0.1:PORT` when it listens. */
  async startRegistry(...args: readonly string[]): Promise<string> {
    const root = join(this.directory, "registry");
    const child = this.start("registry", "serve", "--listen", "127.0.0.1:0", "--root", root, ...args);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    }
    const address = (): string | undefined => / serves https?:\/\/(\S+) from /.exec(output)?.[1];
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await waitUntil("the registry listens", () => address() !== undefined || hasEnded());
    return address() ?? assert.fail(`the registry ended: ${output}`);
  }

  /** Removes all containers, stops what was started, and says what is left of it on the machine: an empty list is right. */
  async dispose(): Promise<readonly string[]> {
    const containers = existsSync(join(this.root, "containers"))
      ? this.run("ps", "-aq", "--no-trunc").split("\n").filter(Boolean)
      : [];
    if (containers.length > 0) this.run("rm", "-f", ...containers);
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    const left = await inTheEnd(() => [
      ...mountsBelow(this.directory),
      ...containers.flatMap(cgroupsOf),
      ...processesNaming(this.directory),
    ]);
    if (left.length === 0) rmSync(this.directory, { recursive: true, force: true });
    return left;
  }
}

export function mountsBelow(directory: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  return mounts.filter((mount) => mount === directory || mount.startsWith(`${directory}/`));
}

/** The directories of this container in every cgroup hierarchy of the host. */
export function cgroupsOf(containerId: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, depth: number): void => {
    for (const entry of entriesOf(directory)) {
      if (!entry.isDirectory()) continue;
      const path = join(directory, entry.name);
      if (entry.name.includes(containerId)) found.push(path);
      else if (depth > 0) visit(path, depth - 1);
    }
  };
  visit("/sys/fs/cgroup", 3);
  return found;
}

/** None when it has gone: others' cgroups come and go. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (existsSync(directory)) throw error;
    return [];
  }
}

function processesNaming(directory: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(directory);
      } catch {
        return false;
      }
    })
    .map((pid) => `process ${pid}`);
}
