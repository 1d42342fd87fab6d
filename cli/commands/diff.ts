import type { Command } from "commander";

import { containerChanges } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command.argument("<container>", "name or ID").action(async (name: string) => {
    const engine = engineOf(host.context());
    const changes = await containerChanges(engine, engine.containers.resolve(name));
    process.stdout.write(changes.map(({ kind, path }) => `${kind} ${displayed(path)}\n`).join(""));
  });
}

/** On one line, and without what a terminal would obey: the names are the container's. */
function displayed(path: string): string {
  return path.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
