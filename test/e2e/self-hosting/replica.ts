import assert from "node:assert/strict";
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";

import { PROJECT } from "../../helpers/project.js";
import type { FreshMachine } from "../../helpers/fresh-machine.js";
import { UnitFile } from "./unit-file.js";

/** An instance of berth-registry@.service on the machine, started as the unit says. */
export class Replica {
  readonly #unit: UnitFile;
  #child: ChildProcess | undefined;
  #log = "";

  constructor(
    private readonly port: number,
    private readonly machine: () => FreshMachine,
  ) {
    this.#unit = new UnitFile(join(PROJECT, "deploy/berth-registry@.service"), String(port));
  }

  get #pidFile(): string {
    return `/run/replica-${String(this.port)}.pid`;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const child = this.machine().start(`echo $$ > ${this.#pidFile}\n${this.#unit.script}`);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-4000)));
    }
    const ended = once(child, "exit").then(() => {
      throw new Error(`the replica on port ${String(this.port)} ended:\n${this.#log}`);
    });
    const url = `http://127.0.0.1:${String(this.port)}/readyz`;
    const ready = this.machine().run(`until curl -fsS -o /dev/null ${url} 2>/dev/null; do sleep 0.1; done`);
    ready.catch(() => undefined);
    ended.catch(() => undefined);
    await Promise.race([ready, ended]);
  }

  /** As `systemctl restart` does. */
  async restart(): Promise<void> {
    assert.equal(await this.#end("TERM"), 0, this.#log);
    await this.start();
  }

  async kill(): Promise<void> {
    await this.#end("KILL");
  }

  async #end(signal: string): Promise<unknown> {
    assert.ok(this.#child);
    const ended = once(this.#child, "exit");
    await this.machine().run(`kill -${signal} $(cat ${this.#pidFile})`);
    const [code] = (await ended) as unknown[];
    return code;
  }
}
