import type { Command } from "commander";

import { familiarReference } from "../../oci/reference.js";
import { loadImage } from "../../puller/load/load-image.js";
import type { CommandHost } from "../command.js";
import { spoolStandardInput } from "../image/spooled-input.js";
import { interruptible } from "../interruptible.js";
import { LayerBars, PULL_WORDS } from "../output/layer-bars.js";

const LOAD_WORDS = { ...PULL_WORDS, waiting: "Waiting", moving: "Loading layer", complete: "Loaded" };

export function define(command: Command, host: CommandHost): void {
  command
    .option(
      "-i, --input <path>",
      "an OCI layout (directory or tar) or a docker save archive: PATH or PATH:NAME (default: standard input)",
    )
    .option("-q, --quiet", "print only the name of what was loaded")
    .action(async ({ input, quiet = false }: { input?: string; quiet?: boolean }) => {
      const archive = input === undefined ? await spoolStandardInput() : undefined;
      const bars = new LayerBars(process.stdout, LOAD_WORDS);
      const { id, references } = await interruptible((signal) =>
        loadImage(host.context().root, archive?.path ?? input ?? "", {
          signal,
          ...(!quiet && {
            onProgress: (progress) => {
              bars.update(progress);
            },
          }),
        }),
      ).finally(() => {
        bars.end();
        archive?.close();
      });
      if (references.length === 0) process.stdout.write(`Loaded image ID: ${id}\n`);
      for (const reference of references) process.stdout.write(`Loaded image: ${familiarReference(reference)}\n`);
    });
}
