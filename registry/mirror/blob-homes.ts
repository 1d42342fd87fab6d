import type { Digest } from "../../oci/digest.js";
import { BoundedMap } from "../bounded-map.js";
import type { BlobStore } from "../storage/blob-store.js";
import type { MirroredName } from "./mirror-names.js";
import { SingleFlight } from "./single-flight.js";
import { isNotThere } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

const MAX_ENTRIES = 50_000;

/**
 * In which copy of a repository this process has last seen a blob to arrive, for each upstream: images share their base
 * layers, which need not be fetched again for each repository. Only copies of the same upstream lend to each other, and only
 * what the upstream says the other repository has too: whoever may read one repository must not get at another's blobs.
 */
export class BlobHomes {
  readonly #homes = new BoundedMap<string, string>(MAX_ENTRIES);
  readonly #borrowing = new SingleFlight<boolean>();

  constructor(private readonly blobs: BlobStore) {}

  note({ upstream, stored }: MirroredName<Upstream>, digest: Digest): void {
    this.#homes.set(keyOf(upstream, digest), stored);
  }

  /** True when the repository has the blob afterwards. @throws BerthError when the upstream says that it has not */
  async borrow(name: MirroredName<Upstream>, digest: Digest): Promise<boolean> {
    const { upstream, repository, stored } = name;
    return await this.#borrowing.run(`${stored}@${digest}`, async () => {
      const key = keyOf(upstream, digest);
      const home = this.#homes.get(key);
      if (home === undefined || home === stored) return false;
      try {
        await upstream.ask("blob", async (client, signal) => await client.statBlob(repository, digest, signal));
      } catch (error) {
        if (isNotThere(error)) throw error;
        // A GET will tell.
        return false;
      }
      const isLent = await this.blobs.mount(stored, digest, home);
      if (isLent) this.note(name, digest);
      else this.#homes.delete(key);
      return isLent;
    });
  }
}

function keyOf({ settings }: Upstream, digest: Digest): string {
  return `${settings.name} ${digest}`;
}
