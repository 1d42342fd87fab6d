import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { digestOf, type Digest } from "../../../../../oci/digest.js";
import { BerthError } from "../../../../../oci/errors.js";
import { MediaType } from "../../../../../oci/media-types.js";
import { registryOn, type Registry } from "../../../../../registry/registry.js";
import type { BlobPointer } from "../../../../../registry/storage/blob-store.js";
import { blobLinkOfKey, keys, referrerOfKey } from "../../../../../registry/storage/key-tree.js";
import {
  receiveManifest,
  type ManifestRecord,
  type ReceivedManifest,
} from "../../../../../registry/storage/manifest-record.js";
import type { ObjectStore } from "../../../../../storage/object-store.js";
import { SteppedStore, type ObjectTable } from "./stepped-store.js";

/** A process that does everything at once. */
export function directly(table: ObjectTable): SteppedStore {
  return new SteppedStore(table, "at once", (step) => {
    step.run();
  });
}

export function registryOf(store: ObjectStore): Registry {
  return registryOn(store, { limits: { manifestBytes: 4_000_000, sparseManifests: false } });
}

export function blobOf(text: string): { digest: Digest; bytes: Buffer } {
  return { digest: digestOf(text), bytes: Buffer.from(text) };
}

interface Parts {
  readonly blobs?: readonly string[];
  readonly manifests?: readonly ReceivedManifest[];
  readonly subject?: ReceivedManifest;
}

/** An image whose config is the first blob, or an index of `manifests`. */
export function manifestOf({ blobs = [], manifests, subject }: Parts): ReceivedManifest {
  const [config, ...layers] = blobs.map((text) => {
    const { digest, bytes } = blobOf(text);
    return { mediaType: MediaType.ociLayerGzip, digest, size: bytes.length };
  });
  const content =
    manifests === undefined
      ? { mediaType: MediaType.ociManifest, config: { ...config, mediaType: MediaType.ociConfig }, layers }
      : { mediaType: MediaType.ociIndex, manifests: manifests.map(({ descriptor }) => descriptor) };
  const document = { schemaVersion: 2, ...content, ...(subject && { subject: subject.descriptor }) };
  return receiveManifest(Buffer.from(JSON.stringify(document)), undefined);
}

/** As the upload of a blob ends. @param process which then knows what it has pushed */
export async function pushBlob(
  store: ObjectStore,
  repository: string,
  text: string,
  process: Registry = registryOf(store),
): Promise<void> {
  const { digest, bytes } = blobOf(text);
  const data = randomUUID();
  await process.blobs.commit(repository, digest, data, {
    size: bytes.length,
    complete: async () => {
      await store.put(keys.data(data), bytes, { ifAbsent: true });
    },
    discard: async () => {
      await store.delete(keys.data(data));
    },
  });
}

/** What a client does: asks whether the blobs are there, pushes those that are not, then the manifest with its tag. */
export async function pushImage(
  store: ObjectStore,
  repository: string,
  manifest: ReceivedManifest,
  blobs: readonly string[],
  tag?: string,
): Promise<void> {
  const process = registryOf(store);
  const { blobs: known, manifests, tags } = process;
  for (const text of blobs) {
    try {
      await known.stat(repository, blobOf(text).digest);
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      await pushBlob(store, repository, text, process);
    }
  }
  if (tag === undefined) return await manifests.put(repository, manifest);
  await manifests.putTagged(repository, manifest, async () => {
    await tags.put(repository, tag, manifest.digest);
  });
}

interface State {
  /** By digest. */
  readonly blobs: ReadonlyMap<string, BlobPointer>;
  /** By repository and digest. */
  readonly manifests: ReadonlyMap<string, ManifestRecord>;
}

/** What is in force. */
function stateOf({ objects }: Pick<ObjectTable, "objects">): State {
  const [blobs, manifests] = [new Map<string, BlobPointer>(), new Map<string, ManifestRecord>()];
  for (const key of [...objects.keys()].sort()) {
    const [top, name = "", algorithm = "", hex = ""] = key.split("/");
    if (top === "blobs") blobs.set(`${name}:${hex}`, JSON.parse(String(objects.get(key))) as BlobPointer);
    if (top === "manifests") {
      manifests.set(`${name} ${algorithm}:${hex}`, JSON.parse(String(objects.get(key))) as ManifestRecord);
    }
  }
  return { blobs, manifests };
}

/** What is in force of a manifest. */
export function manifestIn(
  table: Pick<ObjectTable, "objects">,
  repository: string,
  digest: Digest,
): ManifestRecord | undefined {
  return stateOf(table).manifests.get(`${repository} ${digest}`);
}

function isThere(entry: BlobPointer | ManifestRecord | undefined): boolean {
  return entry?.state === "live" || entry?.state === "condemned";
}

/** What holds at every moment: whatever is served is whole. */
export function assertWhole(table: ObjectTable): void {
  const { blobs, manifests } = stateOf(table);
  for (const [digest, pointer] of blobs) {
    if (isThere(pointer)) assert.ok(table.objects.has(keys.data(pointer.data)), `the data of ${digest} is gone`);
  }
  for (const [name, record] of manifests) {
    if (!isThere(record)) continue;
    assert.ok(table.objects.has(keys.data(record.data)), `the bytes of ${name} are gone`);
    const [repository = ""] = name.split(" ");
    for (const digest of record.refs) {
      const pointer = blobs.get(digest);
      const isLinked =
        pointer !== undefined &&
        isThere(pointer) &&
        table.objects.has(keys.blobLink(repository, digest, pointer.data, pointer.size));
      assert.ok(isLinked || isThere(manifests.get(`${repository} ${digest}`)), `${name} has lost ${digest}`);
    }
  }
}

/** What holds when everybody has come to an end and a collector has run: nothing else is left. */
export function assertClean(table: ObjectTable): void {
  const { blobs, manifests } = stateOf(table);
  const needed = new Set<string>();
  const data = new Set<string>();
  for (const [name, record] of manifests) {
    assert.notEqual(record.state, "pending", name);
    if (!isThere(record)) continue;
    data.add(keys.data(record.data));
    for (const digest of record.refs) needed.add(digest);
  }
  for (const [digest, pointer] of blobs) {
    assert.notEqual(pointer.state, "pending", digest);
    assert.equal(isThere(pointer), needed.has(digest), `${digest} is ${pointer.state}`);
    if (isThere(pointer)) data.add(keys.data(pointer.data));
  }
  for (const key of table.objects.keys()) {
    const [top, repository = "", kind] = key.split("/");
    if (top === "data") assert.ok(data.has(key), `${key} is nobody's`);
    if (top !== "repos") continue;
    const link = kind === "blobs" ? blobLinkOfKey(key) : undefined;
    if (link !== undefined) assert.equal(blobs.get(link.digest)?.data, link.data, `${key} leads nowhere`);
    const entry = kind === "referrers" ? referrerOfKey(key) : undefined;
    if (entry === undefined) continue;
    const referrer = manifests.get(`${repository} ${entry.referrer}`);
    assert.ok(isThere(referrer) && referrer?.data === entry.data, `${key} leads nowhere`);
  }
}

/** As if all of it had been pushed at that time; long ago when absent. */
export function age(table: ObjectTable, at = 0): void {
  for (const [key, bytes] of table.objects) {
    if (!/^(?:blobs|manifests)\//.test(key)) continue;
    table.objects.set(key, Buffer.from(JSON.stringify({ ...(JSON.parse(String(bytes)) as object), at })));
  }
}
