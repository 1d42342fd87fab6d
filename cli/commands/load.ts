import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { familiarReference } from "../../oci/reference.js";
import { loadImage } from "../../puller/load/load-image.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";
import { LayerBars, PULL_WORDS } from "../output/layer-bars.js";

const LOAD_WORDS = { ...PULL_WORDS, waiting: "Waiting", moving: "Loading layer", complete: "Loaded" };

export function define(command: Command, host: CommandHost): void {
  command
    .option("-i, --input <path>", "an OCI layout (directory or tar) or a docker save archive: PATH or PATH:NAME")
    .option("-q, --quiet", "print only the name of what was loaded")
    .action(async ({ input, quiet = false }: { input?: string; quiet?: boolean }) => {
      if (input === undefined) throw new BerthError("USAGE", "name the archive to load with -i PATH");
      const bars = new LayerBars(process.stdout, LOAD_WORDS);
      const { id, references } = await interruptible((signal) =>
        loadImage(host.context().root, input, {
          signal,
          ...(!quiet && {
            onProgress: (progress) => {
              bars.update(progress);
            },
          }),
        }),
      ).finally(() => {
        bars.end();
      });
      if (references.length === 0) process.stdout.write(`Loaded image ID: ${id}\n`);
      for (const reference of references) process.stdout.write(`Loaded image: ${familiarReference(reference)}\n`);
    });
}
