import process from "node:process";

import { isBerthError } from "../../oci/errors.js";
import { collectGarbage } from "../../registry/collector/collect.js";
import type { CollectReport, Found } from "../../registry/collector/collection.js";
import { loadConfig } from "../../registry/config/load-config.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import { BlobStore } from "../../registry/storage/blob-store.js";
import { abandonedUploads } from "../../registry/uploads/abandoned-uploads.js";
import { endAbandonedUploads } from "../../registry/uploads/upload-sweep.js";
import { UploadRegistry } from "../../registry/uploads/upload-registry.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { CommandHost } from "../command.js";
import { parseDuration } from "../duration.js";
import { interruptible } from "../interruptible.js";
import { humanSize } from "../output/human-units.js";
import { openRegistryStore } from "./registry-store.js";

export interface GcFlags {
  readonly root?: string;
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly deleteUntagged?: boolean;
  /** Such as 24h. */
  readonly grace?: string;
}

const HOUR_MS = 3600_000;

/**
 * One line on standard output for each thing that goes, the sum on standard error. Exit code 0 whether there was garbage or
 * not, 130 when it was interrupted: what had gone by then is gone, and the next run goes on.
 */
export async function collect(flags: GcFlags, host: CommandHost): Promise<void> {
  const { config: file, root, dryRun = false } = flags;
  const config = loadConfig({
    ...(file !== undefined && { file }),
    env: process.env,
    flags: root === undefined ? {} : { root },
  });
  const times = timesOf(flags, config);
  const store = await openRegistryStore(config, host.context());
  const tell = ({ kind, name, size }: Found): void => {
    process.stdout.write(`${kind} ${dryRun ? "eligible for deletion" : "deleted"}: ${name} (${humanSize(size)})\n`);
  };
  try {
    const report = await interruptible(async (signal) => {
      await endUploads(store, { expiryMs: config.uploads.expireAfterHours * HOUR_MS, dryRun, tell });
      return await collectGarbage(store, { ...times, dryRun, signal, onFound: tell, onWait: tellWait });
    });
    process.stderr.write(`${summaryOf(report, dryRun)}\n`);
  } catch (error) {
    if (!isBerthError(error, "ABORTED")) throw error;
    process.stderr.write("interrupted; the next run goes on here\n");
    host.exit(130);
  } finally {
    await store.close();
  }
}

/** Those that nobody has gone on with. */
async function endUploads(
  store: ObjectStore,
  { expiryMs, dryRun, tell }: { expiryMs: number; dryRun: boolean; tell: (found: Found) => void },
): Promise<void> {
  const abandoned = await abandonedUploads(store, expiryMs);
  if (!dryRun) {
    const uploads = new UploadRegistry(store, new BlobStore(store));
    await endAbandonedUploads({ uploads, store, expiryMs });
    await uploads.close();
  }
  for (const { repository, id, size } of abandoned) tell({ kind: "upload", name: `${repository}@${id}`, size });
}

function tellWait(waitMs: number): void {
  const seconds = String(Math.ceil(waitMs / 1000));
  process.stderr.write(
    `waiting ${seconds} s before the bytes go: registries that run may still send clients to them for so long\n`,
  );
}

function timesOf(
  { grace, deleteUntagged = false }: GcFlags,
  { collector }: RegistryConfig,
): { graceMs: number; untaggedGraceMs?: number } {
  const given = grace === undefined ? undefined : parseDuration(grace, "--grace");
  const untagged = deleteUntagged || collector.untagged;
  return {
    graceMs: given ?? collector.graceHours * HOUR_MS,
    ...(untagged && { untaggedGraceMs: given ?? collector.untaggedGraceHours * HOUR_MS }),
  };
}

function summaryOf(report: CollectReport, dryRun: boolean): string {
  const { manifests, blobs, deletedManifests, deletedBlobs, orphans, staleNames, abandoned, shared, bytes } = report;
  const gone = [
    `${String(deletedBlobs)} blobs and ${String(deletedManifests)} manifests ${dryRun ? "eligible for deletion" : "deleted"}`,
    ...(orphans + abandoned > 0 ? [`${String(orphans + abandoned)} remains of pushes that never ended`] : []),
    ...(staleNames > 0 ? [`${String(staleNames)} names of what is gone`] : []),
    ...(shared > 0 ? [`${String(shared)} blobs left to distribution, whose repositories are still there`] : []),
  ];
  const looked = `${String(manifests)} manifests and ${String(blobs)} blobs looked at in ${String(report.durationMs)} ms`;
  return `${looked}: ${gone.join(", ")}; ${humanSize(bytes)} ${dryRun ? "would be" : ""} freed`.replace("  ", " ");
}
