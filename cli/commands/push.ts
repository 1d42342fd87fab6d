import type { Command } from "commander";

import { familiarName, parseReference } from "../../oci/reference.js";
import { registryHosts } from "../../puller/hosts/registry-hosts.js";
import { pushSource } from "../../puller/push/push-source.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";
import { LayerBars, PUSH_WORDS } from "../output/layer-bars.js";

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<source>", "an image of this host, an OCI layout (directory or tar) or a docker save archive")
    .argument("[reference]", "where to push it (default: the image's own name)")
    .option("-q, --quiet", "print only the name of what was pushed")
    .action(async (source: string, text: string | undefined, { quiet = false }: { quiet?: boolean }) => {
      const target = parseReference(text ?? source);
      const out = process.stdout;
      if (!quiet) out.write(`The push refers to repository [${target.registry}/${target.repository}]\n`);
      const bars = new LayerBars(out, PUSH_WORDS);
      const hosts = await registryHosts(target);
      const pushed = await interruptible((signal) =>
        pushSource(host.context().root, source, target, {
          hosts,
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
      const tag = target.tag ?? pushed.digest;
      out.write(
        quiet ? `${familiarName(target)}:${tag}\n` : `${tag}: digest: ${pushed.digest} size: ${String(pushed.size)}\n`,
      );
    });
}
