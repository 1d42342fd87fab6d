import type { Command } from "commander";

import { stopContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";
import { addStopFlags, stopOptionsOf, type StopFlags } from "../container/stop-flags.js";

export function define(command: Command, host: CommandHost): void {
  addStopFlags(command)
    .argument("<containers...>", "names or IDs")
    .action(async (names: readonly string[], flags: StopFlags) => {
      const engine = engineOf(host.context());
      const options = stopOptionsOf(flags);
      await eachContainer(host, engine, names, async (id, name) => {
        await stopContainer(engine, id, options);
        process.stdout.write(`${name}\n`);
      });
    });
}
