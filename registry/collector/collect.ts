import { setTimeout as sleep } from "node:timers/promises";

import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { BlobCollector } from "./blob-collector.js";
import { Collection, type CollectOptions, type CollectReport } from "./collection.js";
import { deleteGarbage, deleteStaleNames, listData } from "./garbage-sweep.js";
import { ManifestCensus } from "./manifest-census.js";
import { UntaggedCollector } from "./untagged-collector.js";

/** A client that was sent to the store at the last moment has a third of that time more to get there. */
const WAY_OF_CLIENTS = 4 / 3;

/**
 * Collects garbage beside any number of registries and other collectors on the same store. It may be killed at any moment:
 * the next run goes on from what it finds.
 * @throws BerthError UNSUPPORTED when the store cannot tell which of two writers was first; ABORTED
 */
export async function collectGarbage(store: ObjectStore, options: CollectOptions): Promise<CollectReport> {
  if (!store.traits.conditionalCreate) {
    throw new BerthError(
      "UNSUPPORTED",
      `garbage cannot be collected while the registry is in use: the store ${store.traits.weakness ?? "does not keep conditional creations"}, ` +
        "so a blob that a client is pushing could be deleted under it",
    );
  }
  const collection = new Collection(store, options);
  const started = performance.now();
  await listData(collection);
  let gone: ReadonlySet<string> = new Set();
  if (options.untaggedGraceMs !== undefined) {
    const untagged = new UntaggedCollector(collection, options.untaggedGraceMs);
    await untagged.run();
    ({ gone } = untagged);
  }
  const census = new ManifestCensus(collection, gone);
  await census.take();
  const { manifests } = collection.tally;
  await new BlobCollector(collection, census).run();
  // Before the bytes go nobody must be led to them any more, nor begin to lead others there.
  await deleteStaleNames(collection);
  await lettingGo(collection);
  await deleteGarbage(collection);
  return { ...collection.tally, manifests, durationMs: Math.round(performance.now() - started) };
}

/**
 * Other processes may for a while lead clients to what has just been given up, and clients are then on their way. By this
 * process's clock alone.
 */
async function lettingGo(collection: Collection): Promise<void> {
  const { store, options } = collection;
  const waitMs = store.traits.staleForMs * WAY_OF_CLIENTS;
  if (waitMs === 0 || collection.isDryRun || !collection.hasGarbage) return;
  options.onWait?.(waitMs);
  await sleep(waitMs, undefined, options.signal && { signal: options.signal }).catch(() => undefined);
  collection.assertWanted();
}
