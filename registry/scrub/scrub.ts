import type { ObjectStore } from "../../storage/object-store.js";
import { keys, repositoryOfPrefix } from "../storage/key-tree.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { BytePace } from "./byte-pace.js";
import type { ScrubFinding, ScrubSummary } from "./findings.js";
import { Quarantine } from "./quarantine.js";
import { releaseHealed } from "./release-healed.js";
import { scrubBlobs, type ScrubJob } from "./scrub-blobs.js";
import { ScrubProgress } from "./scrub-progress.js";
import { scrubRepository } from "./scrub-repository.js";
import { ServedBlobs } from "./served-blobs.js";

export interface ScrubOptions {
  readonly onFinding: (finding: ScrubFinding) => void;
  /** Only looks. */
  readonly dryRun?: boolean;
  /** Gives repositories back what was quarantined and has been pushed again since. */
  readonly repair?: boolean;
  /** Of all readers together; unlimited when absent. */
  readonly bytesPerSecond?: number;
  /** Objects read at once, each in the memory of a chunk; 4 when absent. */
  readonly atOnce?: number;
  /** Begin anew though an earlier scrub was interrupted. */
  readonly fromStart?: boolean;
  /** Ends the scrub at the next object; the next one goes on there. */
  readonly signal?: AbortSignal;
}

const AT_ONCE = 4;

/**
 * Reads everything that the registry would serve and holds it against its digest, beside running registries and collectors.
 * What is damaged is no longer served afterwards: clients find it missing and push it again, instead of pulling wrong bytes.
 * A store that does not keep conditional creation is only looked at.
 */
export async function scrub(store: ObjectStore, options: ScrubOptions): Promise<ScrubSummary> {
  const summary: ScrubSummary = {
    blobs: 0,
    manifests: 0,
    tags: 0,
    links: 0,
    bytes: 0,
    findings: 0,
    damage: 0,
    repaired: 0,
    complete: false,
  };
  const mayChange = options.dryRun !== true && store.traits.conditionalCreate;
  const job: ScrubJob = {
    store,
    pace: new BytePace(options.bytesPerSecond),
    quarantine: mayChange ? new Quarantine(store) : undefined,
    served: new ServedBlobs(store),
    report: ({ quarantined = false, harmless = false, ...finding }) => {
      summary.findings++;
      if (!harmless) summary.damage++;
      options.onFinding({ ...finding, quarantined, harmless });
    },
    summary,
    atOnce: options.atOnce ?? AT_ONCE,
    signal: options.signal,
  };
  if (options.repair && mayChange) summary.repaired = await releaseHealed(store);
  const progress = new ScrubProgress(store);
  const place = options.fromStart ? undefined : await progress.read();
  const isAborted = (): boolean => options.signal?.aborted === true;
  let done = "";
  if (place?.step === "repositories") {
    done = place.after;
  } else {
    await scrubBlobs(job, place?.after, async (key) => {
      await progress.save("blobs", key, isAborted());
    });
  }
  for (const repository of isAborted() ? [] : await allRepositories(store)) {
    if (repository <= done) continue;
    await scrubRepository(job, repository);
    if (!isAborted()) done = repository;
    await progress.save("repositories", done, isAborted());
    if (isAborted()) break;
  }
  summary.bytes = job.pace.total;
  summary.complete = !isAborted();
  if (summary.complete) await progress.finish();
  return summary;
}

async function allRepositories(store: ObjectStore): Promise<string[]> {
  const names = new Set<string>();
  for (const place of [keys.repositories, keys.manifestRegisters]) {
    for (const prefix of await listAllPrefixes(store, `${place}/`)) names.add(repositoryOfPrefix(prefix));
  }
  return [...names].sort();
}
