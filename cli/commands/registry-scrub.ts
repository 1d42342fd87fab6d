import process from "node:process";

import { BerthError } from "../../oci/errors.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { scrub } from "../../registry/scrub/scrub.js";
import { parseByteSize } from "../container/byte-size.js";
import type { CommandHost } from "../command.js";
import { interruptible } from "../interruptible.js";
import { humanSize } from "../output/human-units.js";
import { openRegistryStore } from "./registry-store.js";

export interface ScrubFlags {
  readonly root?: string;
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly repair?: boolean;
  readonly fromStart?: boolean;
  /** Bytes each second, such as 50m. */
  readonly rate?: string;
}

/**
 * One line on standard output for each finding, the sum on standard error. Exit code 1 when something is damaged or lost, 0 when
 * all findings are harmless, 130 when it was interrupted.
 */
export async function scrubRegistry(
  { config: file, root, rate, ...flags }: ScrubFlags,
  host: CommandHost,
): Promise<void> {
  const config = loadConfig({
    ...(file !== undefined && { file }),
    env: process.env,
    flags: root === undefined ? {} : { root },
  });
  const bytesPerSecond = rate === undefined ? undefined : parseByteSize(rate, "--rate");
  if (bytesPerSecond === 0) throw new BerthError("USAGE", "--rate 0 would read nothing: leave it out for no limit");
  const store = await openRegistryStore(config, host.context());
  try {
    const summary = await interruptible(
      async (signal) =>
        await scrub(store, {
          ...flags,
          ...(bytesPerSecond !== undefined && { bytesPerSecond }),
          signal,
          onFinding: ({ kind, what, why, quarantined, harmless }) => {
            const more = `${quarantined ? "; no longer served" : ""}${harmless ? "; harmless" : ""}`;
            process.stdout.write(`${kind} ${what} ${why}${more}\n`);
          },
        }),
    );
    const { blobs, manifests, tags, links, bytes, findings, damage, repaired, complete } = summary;
    const read = `${String(blobs)} blobs, ${String(manifests)} manifests, ${String(tags)} tags, ${String(links)} links`;
    const harmless = findings > damage ? ` (${String(findings - damage)} harmless)` : "";
    const found = `${String(findings)} findings${harmless}${flags.repair ? `, ${String(repaired)} repaired` : ""}`;
    const end = complete ? "" : "; interrupted, the next scrub goes on here";
    process.stderr.write(`${read} (${humanSize(bytes)}): ${found}${end}\n`);
    if (!complete) host.exit(130);
    else if (damage > 0) host.exit(1);
  } finally {
    await store.close();
  }
}
