import type { Command } from "commander";

import { waitContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command.argument("<containers...>", "names or IDs").action(async (names: readonly string[]) => {
    const engine = engineOf(host.context());
    await eachContainer(host, engine, names, async (id) => {
      const exitCode = await waitContainer(engine, id);
      process.stdout.write(`${String(exitCode)}\n`);
    });
  });
}
