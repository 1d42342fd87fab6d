import type { Command } from "commander";

import { renameContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .argument("<name>", "its new name")
    .action(async (container: string, name: string) => {
      const engine = engineOf(host.context());
      await renameContainer(engine, engine.containers.resolve(container), name);
    });
}
