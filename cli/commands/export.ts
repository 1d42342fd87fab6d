import { isatty } from "node:tty";
import type { Command } from "commander";

import { exportContainer, exportToFile } from "../../engine/index.js";
import { BerthError } from "../../oci/errors.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";
import { interruptible } from "../interruptible.js";

const STDOUT = 1;

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .option("-o, --output <file>", "write to a file instead of standard output")
    .action(async (name: string, { output }: { output?: string }) => {
      if (output === undefined && isatty(STDOUT)) {
        throw new BerthError("USAGE", "a tar would make a mess of the terminal: use -o FILE, or redirect the output");
      }
      const engine = engineOf(host.context());
      const id = engine.containers.resolve(name);
      // Standard output is left as it is: a signal may end this process at any time.
      if (output === undefined) await exportContainer(engine, id, STDOUT);
      else await interruptible((signal) => exportToFile(engine, id, output, signal));
    });
}
