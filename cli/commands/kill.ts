import type { Command } from "commander";

import { killContainer, parseSignal } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<containers...>", "names or IDs")
    .option("-s, --signal <signal>", "name or number", "KILL")
    .action(async (names: readonly string[], flags: { signal: string }) => {
      const engine = engineOf(host.context());
      const signal = parseSignal(flags.signal);
      await eachContainer(host, engine, names, async (id, name) => {
        await killContainer(engine, id, signal);
        process.stdout.write(`${name}\n`);
      });
    });
}
