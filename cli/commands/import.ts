import type { Command } from "commander";

import { parsePlatform } from "../../oci/platform.js";
import { parseReference } from "../../oci/reference.js";
import { importImage } from "../../puller/build/import-image.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";

interface Options {
  readonly change?: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<source>", "a root filesystem: a directory, a tar (plain, gzip or zstd), or - for standard input")
    .argument("[reference]", "name for the image")
    .option("-c, --change <instruction>", "apply a Dockerfile instruction to the image (repeatable)", collect)
    .option("-m, --message <text>", "comment in the image's history")
    .option("--platform <os/arch>", "what the files are for (default: this host)")
    .action(async (source: string, reference: string | undefined, { change, message, platform }: Options) => {
      const id = await interruptible((signal) =>
        importImage(host.context().root, {
          source,
          signal,
          ...(reference !== undefined && { reference: parseReference(reference) }),
          ...(change !== undefined && { changes: change }),
          ...(message !== undefined && { message }),
          ...(platform !== undefined && { platform: parsePlatform(platform) }),
        }),
      );
      process.stdout.write(`${id}\n`);
    });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
