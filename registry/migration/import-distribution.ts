import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { eachAtOnce } from "../at-once.js";
import { registryOn, type Registry } from "../registry.js";
import { adoptBlob } from "./adopt-blob.js";
import { DistributionLayout } from "./distribution-layout.js";
import { ImportedTags } from "./imported-tags.js";
import { importManifests } from "./import-manifests.js";
import { IMPORTED_AT_ONCE, type RepositoryImport } from "./repository-import.js";

export interface ImportFinding {
  readonly repository: string;
  /** A digest or a tag. */
  readonly what: string;
  /** lost: it cannot be served as distribution had it. kept: what was changed here since an earlier run goes before. */
  readonly kind: "lost" | "kept";
  /** One line: what is the matter, and what was done about it. */
  readonly why: string;
}

export interface ImportSummary {
  repositories: number;
  /** Blobs made available in a repository by this run. */
  blobs: number;
  manifests: number;
  tags: number;
  /** Findings of kind `lost`. */
  lost: number;
}

export interface ImportOptions {
  /** Where distribution's root directory lies in the store: empty, or with a `/` at its end. */
  readonly prefix?: string;
  readonly onFinding: (finding: ImportFinding) => void;
  readonly onRepository?: (name: string) => void;
}

/**
 * Makes a registry of what distribution has kept in the same store: pointers to the blobs where they lie, and manifests and
 * tags. Nothing of distribution's is changed, so that it may go on serving, read-only; a registry and its collector may run
 * as well. What an earlier run has done is not done again; what was deleted here since stays deleted, and a tag that was
 * moved here stays where it is.
 * @throws BerthError USAGE when the store holds nothing of distribution's
 */
export async function importDistribution(store: ObjectStore, options: ImportOptions): Promise<ImportSummary> {
  const layout = new DistributionLayout(store, options.prefix);
  await layout.assertThere();
  const registry = registryOn(store, { limits: { manifestBytes: Infinity, sparseManifests: true } });
  const summary: ImportSummary = { repositories: 0, blobs: 0, manifests: 0, tags: 0, lost: 0 };
  for await (const repository of layout.repositories()) {
    options.onRepository?.(repository);
    summary.repositories++;
    const report: RepositoryImport["report"] = (kind, what, why) => {
      if (kind === "lost") summary.lost++;
      options.onFinding({ repository, what, kind, why });
    };
    summary.blobs += await importLayers({ store, layout, registry, repository, report });
    summary.manifests += await importManifests({ store, layout, registry, repository, report });
    summary.tags += await importTags({ store, layout, registry, repository, report });
  }
  await registry.uploads.close();
  return summary;
}

async function importLayers(job: RepositoryImport): Promise<number> {
  let imported = 0;
  await eachAtOnce(job.layout.layers(job.repository), IMPORTED_AT_ONCE, async (digest) => {
    if (await importLayer(job, digest)) imported++;
  });
  return imported;
}

async function importLayer(
  { store, layout, registry, repository, report }: RepositoryImport,
  digest: Digest,
): Promise<boolean> {
  if (await isServed(registry, repository, digest)) return false;
  const info = await layout.statData(digest);
  if (info === undefined) {
    report("lost", digest, "distribution links to this blob and does not have it: left out");
    return false;
  }
  const adoption = await adoptBlob(store, digest, layout.dataOf(digest), info.size);
  // Not the bytes that were found, but those to which the registry points.
  if (adoption !== "collected" && (await registry.blobs.mount(repository, digest))) return true;
  report("lost", digest, "the registry had this blob and has collected it: push it again where it is needed");
  return false;
}

async function isServed({ blobs }: Registry, repository: string, digest: Digest): Promise<boolean> {
  try {
    await blobs.stat(repository, digest);
    return true;
  } catch (error) {
    if (isBerthError(error, "BLOB_UNKNOWN")) return false;
    throw error;
  }
}

async function importTags(job: RepositoryImport): Promise<number> {
  const { store, registry, repository } = job;
  const imported = await ImportedTags.read(store, repository);
  const moves = await tagsToMove(job, imported);
  await imported.write();
  await eachAtOnce(moves, IMPORTED_AT_ONCE, async ([tag, digest]) => {
    await registry.tags.put(repository, tag, digest);
    imported.set(tag, digest);
  });
  await imported.write();
  return moves.size;
}

async function tagsToMove(
  { layout, registry, repository, report }: RepositoryImport,
  imported: ImportedTags,
): Promise<Map<string, Digest>> {
  const moves = new Map<string, Digest>();
  await eachAtOnce(layout.tags(repository), IMPORTED_AT_ONCE, async ([tag, digest]) => {
    if (digest === undefined) {
      report("lost", tag, "distribution's link to what it names is damaged: left out");
      return;
    }
    const now = await resolve(registry, repository, tag);
    if (now === digest) {
      imported.set(tag, digest);
    } else if (!imported.isOurs(tag, now)) {
      report("kept", tag, now === undefined ? "was deleted here: left so" : `was moved here to ${now}: left there`);
    } else if (await registry.manifests.has(repository, digest)) {
      imported.attempt(tag, now, digest);
      moves.set(tag, digest);
    } else {
      report("lost", tag, `names ${digest}, which is not there: left out`);
    }
  });
  return moves;
}

async function resolve({ tags }: Registry, repository: string, tag: string): Promise<Digest | undefined> {
  try {
    return await tags.resolve(repository, tag);
  } catch (error) {
    if (error instanceof BerthError && error.code === "MANIFEST_UNKNOWN") return undefined;
    throw error;
  }
}
