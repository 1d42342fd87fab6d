import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

import { BERTH } from "../../helpers/berth-host.js";
import { runProgram } from "../../helpers/child-process.js";

/** `berth registry serve`, as a user starts it. */
export class ServedRegistry {
  #child: ChildProcess | undefined;
  #log = "";

  /** @param host `127.0.0.1:port`, the same after each start */
  constructor(
    private readonly config: string,
    readonly host: string,
  ) {}

  get url(): string {
    return `http://${this.host}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const options = ["--config", this.config, "--listen", this.host, "--log-level", "error"];
    const child = spawn(process.execPath, [BERTH, "registry", "serve", ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
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
    child.kill(signal);
    const [code] = (await ended) as unknown[];
    return code;
  }
}

/** `berth registry VERB --config FILE ...`. @throws Error unless it exits with 0 */
export async function registryVerb(verb: string, config: string, ...args: readonly string[]): Promise<string> {
  return await runProgram(process.execPath, [BERTH, "registry", verb, "--config", config, ...args]);
}
