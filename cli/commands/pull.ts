import type { Command } from "commander";

import { parsePlatform } from "../../oci/platform.js";
import { familiarReference, formatReference, parseReference } from "../../oci/reference.js";
import { registryHosts } from "../../puller/hosts/registry-hosts.js";
import { pullImage } from "../../puller/pull/pull-image.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";
import { debugNote } from "../output/debug-note.js";
import { LayerBars, PULL_WORDS } from "../output/layer-bars.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<reference>", "name[:tag] or name@digest")
    .option("-q, --quiet", "print only the name of what was pulled")
    .option("--platform <os/arch>", "of a multi-platform image, the one to pull (default: this host's)")
    .action(async (text: string, { quiet = false, platform }: { quiet?: boolean; platform?: string }) => {
      const reference = parseReference(text);
      const out = process.stdout;
      if (!quiet) out.write(`${reference.digest ?? reference.tag ?? "latest"}: Pulling from ${reference.repository}\n`);
      const bars = new LayerBars(out, PULL_WORDS);
      const hosts = await registryHosts(reference);
      const warnings: string[] = [];
      const pulled = await interruptible((signal) =>
        pullImage(host.context().root, reference, {
          hosts,
          signal,
          onNote: debugNote,
          ...(platform !== undefined && { platform: parsePlatform(platform) }),
          ...(!quiet && {
            onProgress: (progress) => {
              bars.update(progress);
            },
          }),
          onWarning: (warning) => warnings.push(warning),
        }),
      ).finally(() => {
        bars.end();
      });
      for (const warning of new Set(warnings)) process.stderr.write(`berth: warning: ${warning}\n`);
      if (!quiet) {
        out.write(`Digest: ${pulled.digest}\n`);
        const outcome = pulled.unchanged ? "Image is up to date for" : "Downloaded newer image for";
        out.write(`Status: ${outcome} ${familiarReference(reference)}\n`);
      }
      out.write(`${formatReference(reference)}\n`);
    });
}
