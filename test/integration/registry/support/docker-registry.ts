import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../../helpers/free-port.js";

/** Debian's docker-registry (distribution 2.8) on a directory, for what it leaves there. Dies with this process. */
export class DockerRegistry {
  private constructor(
    private readonly child: ChildProcess,
    /** host:port */
    readonly host: string,
  ) {}

  /** @param directory its root directory; the configuration is written beside it */
  static async start(directory: string, { readOnly = false } = {}): Promise<DockerRegistry> {
    const host = `127.0.0.1:${String(await freePort())}`;
    const config = join(directory, "..", "docker-registry.yml");
    const storage = {
      filesystem: { rootdirectory: directory },
      delete: { enabled: true },
      maintenance: { readonly: { enabled: readOnly } },
    };
    writeFileSync(config, JSON.stringify({ version: "0.1", log: { level: "error" }, storage, http: { addr: host } }));
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "docker-registry", "serve", config], { stdio: "ignore" });
    for (let answers = false; !answers;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error("docker-registry did not start");
      answers = await fetch(`http://${host}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (!answers) await sleep(20);
    }
    return new DockerRegistry(child, host);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await ended;
  }
}
