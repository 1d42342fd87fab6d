import type { Command } from "commander";

import { isBerthError } from "../../oci/errors.js";
import { imageUsers } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<images...>", "names or IDs")
    .option("-f, --force", "also when it has several names, or stopped containers use it")
    .action(async (names: readonly string[], { force = false }: { force?: boolean }) => {
      const engine = engineOf(host.context());
      const { images } = engine.store;
      for (const name of names) {
        try {
          const { untagged, deleted } = await images.remove(name, { force, users: (id) => imageUsers(engine, id) });
          for (const reference of untagged) process.stdout.write(`Untagged: ${reference}\n`);
          for (const digest of deleted) process.stdout.write(`Deleted: ${digest}\n`);
        } catch (error) {
          // The other names are still removed, as docker does.
          if (!isBerthError(error)) throw error;
          if (force && error.code === "IMAGE_UNKNOWN") process.stderr.write(`berth: ${error.message}\n`);
          else {
            process.stderr.write(`berth: ${error.message}\n`);
            host.exit(1);
          }
        }
      }
    });
}
