import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { parseSignal, startContainer, stopContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { parseInteger } from "../container/byte-size.js";
import { eachContainer } from "../container/each-container.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<containers...>", "names or IDs")
    .option("-t, --time <seconds>", "from the stop signal to KILL (default: the container's, or 10)")
    .option("-s, --signal <signal>", "instead of the container's stop signal")
    .action(async (names: readonly string[], { time, signal }: { time?: string; signal?: string }) => {
      const engine = engineOf(host.context());
      const options = {
        ...(time !== undefined && { graceSeconds: parseInteger(time, "--time") }),
        ...(signal !== undefined && { signal: parseSignal(signal) }),
      };
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
