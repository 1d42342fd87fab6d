import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { parseManifest } from "../../oci/manifest.js";
import type { ContentStore } from "./local-store-contract.js";

/** Every blob that these manifests and indexes need, themselves included, as far as they are in the content store. */
export function referencedBlobs(content: ContentStore, roots: Iterable<Digest>): Set<Digest> {
  const found = new Set<Digest>();
  const pending = [...roots];
  for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
    if (found.has(digest)) continue;
    found.add(digest);
    if (!content.has(digest)) continue;
    try {
      const manifest = parseManifest(content.read(digest));
      if (manifest.kind === "index") pending.push(...manifest.manifests.map((child) => child.digest));
      if (manifest.kind === "manifest") {
        for (const blob of [manifest.config, ...manifest.layers]) found.add(blob.digest);
      }
    } catch (error) {
      // A damaged manifest names nothing that could still be used.
      if (!isBerthError(error)) throw error;
    }
  }
  return found;
}
