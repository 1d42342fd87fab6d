import { Option, type Command } from "commander";

import { commitContainer } from "../../engine/index.js";
import { parseReference } from "../../oci/reference.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";
import { interruptible } from "../interruptible.js";

interface Flags {
  readonly author?: string;
  readonly message?: string;
  readonly change: readonly string[];
  readonly pause?: boolean;
  readonly "pause=false"?: boolean;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .argument("[reference]", "name for the image")
    .option("-a, --author <author>", "who made it, such as 'Ada <ada@example.org>'")
    .option("-m, --message <text>", "comment in the image's history")
    .option("-c, --change <instruction>", "apply a Dockerfile instruction to the image (repeatable)", collect, [])
    .option("-p, --pause", "hold the container's processes still meanwhile (default)")
    .option("--no-pause", "let them go on; what they write meanwhile may be taken along in part")
    // An optional value would take the container's name for itself in `-p NAME`; docker takes one only after `=`.
    .addOption(new Option("--pause=false").hideHelp())
    .addOption(new Option("--pause=true").hideHelp())
    .action(async (name: string, reference: string | undefined, flags: Flags) => {
      const { author, message, change, pause = true } = flags;
      const engine = engineOf(host.context());
      const id = await interruptible((signal) =>
        commitContainer(engine, engine.containers.resolve(name), {
          changes: change,
          signal,
          pause: pause && flags["pause=false"] !== true,
          ...(reference !== undefined && { reference: parseReference(reference) }),
          ...(author !== undefined && { author }),
          ...(message !== undefined && { message }),
        }),
      );
      process.stdout.write(`${id}\n`);
    });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
