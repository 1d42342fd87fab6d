import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { RegistryOptions } from "../../../registry/index.js";

/** A registry as a process of its own, to be killed and measured. Starts in a third of a second. */
export class RegistryProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(
    options: Pick<RegistryOptions, "root" | "storage" | "redirect" | "idleTimeoutMs" | "mirrors">,
  ): Promise<RegistryProcess> {
    const program = fileURLToPath(import.meta.resolve("./serve.js"));
    const child = fork(program, [JSON.stringify(options)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the registry ended with ${String(code)}`);
    });
    ended.catch(() => undefined);
    const [url] = (await Promise.race([once(child, "message"), ended])) as [string];
    return new RegistryProcess(child, url);
  }

  get residentBytes(): number {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(this.child.pid)}/status`, "utf8")) ?? [];
    return Number(kib) * 1024;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${String(this.child.pid)}/fd`).length;
  }

  /** kill -9, at whatever it is doing. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}
