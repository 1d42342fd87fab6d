import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, repositoryOfPrefix } from "./key-tree.js";
import { NamesInOrder } from "./names-in-order.js";
import { StampedCache } from "./stamped-cache.js";
import { listAllPrefixes } from "./whole-listing.js";

const LISTED_REPOSITORIES = 500_000;
const NAME_CHARACTERS = /^[a-z0-9._/-]*$/;

interface NamePage {
  readonly after?: string;
  readonly most: number;
  readonly without: string;
}

/** Which repositories there are: those that hold a tag, a blob or a referrer. */
export class RepositoryCatalog {
  readonly #listing: StampedCache<readonly string[]>;

  constructor(private readonly store: ObjectStore) {
    this.#listing = new StampedCache(store, LISTED_REPOSITORIES, (names) => names.length);
  }

  /** Names in ASCII order. One listing, flat; the keys' own order differs, because `!` stands for `/` in them. */
  async list(): Promise<readonly string[]> {
    return await this.#listing.get(keys.repositories, async () => {
      return (await listAllPrefixes(this.store, `${keys.repositories}/`)).map(repositoryOfPrefix).sort();
    });
  }

  /**
   * So many names after `after`, or more, in ASCII order and without those that begin with `without`. Where all would be listed
   * anew each time, only what is needed is.
   */
  async page({ after = "", most, without }: NamePage): Promise<readonly string[]> {
    if (this.store.traits.remote !== true || !NAME_CHARACTERS.test(after)) {
      return (await this.list()).filter((name) => name > after && !name.startsWith(without));
    }
    const names: string[] = [];
    if (most <= 0) return names;
    for await (const name of new NamesInOrder(this.store).walk(after, without)) {
      names.push(name);
      if (names.length === most) break;
    }
    return names;
  }

  /** Also of a repository that held something once. @throws BerthError NAME_UNKNOWN */
  async assertKnown(name: string): Promise<void> {
    for (const place of [keys.repository(name), keys.manifests(name)]) {
      const { keys: some } = await this.store.list({ prefix: `${place}/`, limit: 1 });
      if (some.length > 0) return;
    }
    throw new BerthError("NAME_UNKNOWN", "there is no such repository", { details: { name } });
  }
}
