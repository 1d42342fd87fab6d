import type { Command } from "commander";

import { isBerthError } from "../../oci/errors.js";
import { removeContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<containers...>", "names or IDs")
    .option("-f, --force", "kill it first when it runs; no error when it is not there")
    .option("-v, --volumes", "accepted for docker's sake: berth has no anonymous volumes")
    .action(async (names: readonly string[], { force = false }: { force?: boolean }) => {
      const engine = engineOf(host.context());
      await eachContainer(host, engine, names, async (id, name) => {
        try {
          await removeContainer(engine, id, { force });
        } catch (error) {
          // Removed by somebody else at the same time: what was asked for is so.
          if (!force || !isBerthError(error, "CONTAINER_UNKNOWN")) throw error;
        }
        process.stdout.write(`${name}\n`);
      });
    });
}
