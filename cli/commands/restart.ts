import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { startContainer, stopContainer } from "../../engine/index.js";
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
        if (engine.containers.require(id).record.HostConfig.AutoRemove) {
          throw new BerthError("CONFLICT", `container ${name} has --rm: stopping it would remove it`);
        }
        await stopContainer(engine, id, options);
        const { warnings } = await startContainer(engine, id, { attach: false });
        for (const warning of warnings) process.stderr.write(`berth: warning: ${warning}\n`);
        process.stdout.write(`${name}\n`);
      });
    });
}
