import type { Command } from "commander";

import { openLocalStore } from "../../puller/index.js";
import type { CommandHost } from "../command.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<source>", "name or ID of an image")
    .argument("<target>", "its new name")
    .action(async (source: string, target: string) => {
      await openLocalStore(host.context().root).images.tag(source, target);
    });
}
