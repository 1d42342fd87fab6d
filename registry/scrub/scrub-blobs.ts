import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { digestOfBlobKey, keys } from "../storage/key-tree.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import type { BytePace } from "./byte-pace.js";
import type { Report, ScrubSummary } from "./findings.js";
import type { Quarantine } from "./quarantine.js";
import type { ServedBlobs } from "./served-blobs.js";
import { verifyBytes } from "./verify-bytes.js";

/** What every step of a scrub needs. */
export interface ScrubJob {
  readonly store: ObjectStore;
  readonly pace: BytePace;
  /** Absent when nothing may be changed. */
  readonly quarantine: Quarantine | undefined;
  readonly served: ServedBlobs;
  readonly report: Report;
  readonly summary: ScrubSummary;
  /** How many objects are read at once. */
  readonly atOnce: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Every blob to which something points, in the order of their keys.
 * @param after the key of a register: what comes before was scrubbed already
 * @param passed told of each register up to which all are done
 */
export async function scrubBlobs(
  job: ScrubJob,
  after: string | undefined,
  passed: (key: string) => Promise<void>,
): Promise<void> {
  let batch: Digest[] = [];
  const run = async (): Promise<void> => {
    await Promise.all(
      batch.map(async (digest) => {
        await reportFaults(job, digest, async () => {
          await scrubBlob(job, digest);
        });
      }),
    );
    const last = batch.at(-1);
    batch = [];
    if (last !== undefined) await passed(keys.blob(last));
  };
  for await (const digest of blobsAfter(job.store, after)) {
    batch.push(digest);
    if (batch.length < job.atOnce) continue;
    await run();
    if (job.signal?.aborted) return;
  }
  await run();
}

/** A fault of the store, such as a record that cannot be read, is a finding and no end of the scrub. */
export async function reportFaults({ report }: ScrubJob, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isBerthError(error, "STORAGE", "UNAVAILABLE")) throw error;
    report({ kind: "unreadable", what, why: error.message });
  }
}

async function scrubBlob(
  { store, served, pace, quarantine, report, summary }: ScrubJob,
  digest: Digest,
): Promise<void> {
  const register = new WriteOnceRegister<BlobPointer>(store, keys.blob(digest));
  for (;;) {
    const entry = await register.read();
    if (entry?.value.state !== "live" && entry?.value.state !== "condemned") return;
    const { data, size } = entry.value;
    const verdict = await verifyBytes(store, keys.data(data), { digest, size }, pace);
    // Collected and pushed again while it was read.
    if (verdict.kind !== "whole" && (await register.read(entry))?.value.data !== data) continue;
    summary.blobs++;
    if (verdict.kind === "whole") {
      served.add(digest, data);
      return;
    }
    const { kind, why } = verdict;
    const quarantined = kind !== "unreadable" && ((await quarantine?.takeBlob(digest, data, why)) ?? false);
    report({ kind, what: digest, why, quarantined });
    return;
  }
}

/** Each once, though a register has many entries. */
async function* blobsAfter(store: ObjectStore, after: string | undefined): AsyncGenerator<Digest> {
  // Sorts after the numbers of all entries of that register.
  let startAfter = after === undefined ? undefined : `${after}/z`;
  let last: Digest | undefined;
  do {
    const page = await store.list({ prefix: `${keys.blobs}/`, ...(startAfter !== undefined && { startAfter }) });
    for (const key of page.keys) {
      const digest = digestOfBlobKey(key);
      if (digest === undefined || digest === last) continue;
      last = digest;
      yield digest;
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
}
