import type { Command } from "commander";

import { setContainerFrozen } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command.argument("<containers...>", "names or IDs").action(async (names: readonly string[]) => {
    const engine = engineOf(host.context());
    await eachContainer(host, engine, names, async (id, name) => {
      await setContainerFrozen(engine, id, true);
      process.stdout.write(`${name}\n`);
    });
  });
}
