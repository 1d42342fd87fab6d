import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { findContainer, startContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { DEFAULT_DETACH_KEYS } from "../container/detach-keys.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";
import { runInForeground } from "../container/foreground.js";

interface Flags {
  readonly attach?: boolean;
  readonly interactive?: boolean;
  readonly detachKeys: string;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<containers...>", "names or IDs")
    .option("-a, --attach", "show its output and stay until it ends")
    .option("-i, --interactive", "pass standard input on to it")
    .option("--detach-keys <keys>", "typed to leave a container running", DEFAULT_DETACH_KEYS)
    .action(async (names: readonly string[], flags: Flags) => {
      const engine = engineOf(host.context());
      if (!flags.attach && !flags.interactive) {
        await eachContainer(host, engine, names, async (id, name) => {
          const { warnings } = await startContainer(engine, id, { attach: false });
          for (const warning of warnings) process.stderr.write(`berth: warning: ${warning}\n`);
          process.stdout.write(`${name}\n`);
        });
        return;
      }
      const [name = "", ...others] = names;
      if (others.length > 0) throw new BerthError("USAGE", "only one container can be attached at a time");
      const { record } = findContainer(engine, name);
      const code = await runInForeground(engine, record, {
        stdin: flags.interactive === true && record.Config.OpenStdin,
        detachKeys: flags.detachKeys,
        proxySignals: true,
      });
      host.exit(code);
    });
}
