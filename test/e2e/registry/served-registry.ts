import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";

import { BERTH } from "../../helpers/berth-host.js";
import { runProgram } from "../../helpers/child-process.js";

/**
 * Starts a program as on another host: to each of two that run like this the other one's PID, which is its own, is nobody's or
 * another process's.
 */
export const ON_ANOTHER_HOST: readonly string[] = "unshare --pid --mount-proc --uts --ipc --fork --kill-child".split(
  " ",
);

/** `berth registry serve`, as a user starts it. */
export class ServedRegistry {
  #child: ChildProcess | undefined;
  #log = "";

  /**
   * @param host `127.0.0.1:port`, the same after each start
   * @param by ON_ANOTHER_HOST, or nothing
   */
  constructor(
    private readonly config: string,
    readonly host: string,
    private readonly by: readonly string[] = [],
  ) {}

  get url(): string {
    return `http://${this.host}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const options = ["--config", this.config, "--listen", this.host, "--log-level", "error"];
    const command = [...this.by, process.execPath, BERTH, "registry", "serve", ...options] as const;
    const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr.on("data", (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-4000)));
    const ended = once(child, "exit").then(() => {
      throw new Error(`the registry ended: ${this.#log}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(child.stdout, "data"), ended]);
    child.stdout.resume();
  }

  /** kill -9, at whatever it is doing. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    assert.equal(await this.#end("SIGTERM"), 0, this.#log);
  }

  async #end(signal: NodeJS.Signals): Promise<unknown> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return 0;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    // `unshare` ends when the program has.
    if (this.by.length === 0) child.kill(signal);
    else process.kill(onlyChildOf(child.pid ?? 0), signal);
    const [code] = (await ended) as unknown[];
    return code;
  }
}

function onlyChildOf(pid: number): number {
  const id = String(pid);
  return Number(readFileSync(`/proc/${id}/task/${id}/children`, "latin1"));
}

/** `berth registry VERB --config FILE ...`. @throws Error unless it exits with 0 */
export async function registryVerb(verb: string, config: string, ...args: readonly string[]): Promise<string> {
  return await runProgram(process.execPath, [BERTH, "registry", verb, "--config", config, ...args]);
}
