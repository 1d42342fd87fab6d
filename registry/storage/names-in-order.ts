import type { ObjectStore } from "../../storage/object-store.js";
import { keys, repositoryOfPrefix } from "./key-tree.js";

/** Sorts after every character that a key may have. */
const AFTER_ALL = "~";
/** What sorts otherwise in a key than in a name: `!` is a name's slash, and what ends a name is a key's slash. */
const SEPARATORS = "-.!";

/** Keys of which all are known that sort after `from`, up to and including `to`; to the end when that is absent. */
interface Stretch {
  readonly from: string;
  readonly to: string | undefined;
  /** Encoded names with a trailing slash, ascending. */
  readonly groups: readonly string[];
}

/**
 * Names of repositories in ASCII order, from a store that lists them in another one: a slash is `!` in a key and sorts before
 * `-` and `.`, and the end of a name is a slash and sorts after them. So `a!b`, `a-b`, `a.b`, `a` is the store's order, and `a`,
 * `a-b`, `a.b`, `a/b` is the names'. All else is alike, so names that follow one another lie mostly in one page of the store's.
 * For one walk: what was listed is not listed again.
 */
export class NamesInOrder {
  readonly #known: Stretch[] = [];

  constructor(private readonly store: ObjectStore) {}

  /**
   * Names after `after`, which need not be one, without those that begin with `without`.
   * @param after made of the characters of names
   */
  async *walk(after: string, without: string): AsyncGenerator<string, void, undefined> {
    let name = after === "" ? await this.#least("") : await this.#next(after.replaceAll("/", "!"));
    while (name !== undefined) {
      if (name.startsWith(without)) {
        name = await this.#beyond(without);
        continue;
      }
      yield repositoryOfPrefix(`${keys.repositories}/${name}/`);
      name = await this.#next(name);
    }
  }

  async #next(name: string): Promise<string | undefined> {
    for (const separator of SEPARATORS) {
      const found = await this.#least(name + separator);
      if (found !== undefined) return found;
    }
    const longer = await this.#first(name, `${name}/${AFTER_ALL}`);
    return longer === undefined ? await this.#beyond(name) : await this.#least(longer.slice(0, name.length + 1));
  }

  /** The first name after all those that begin with `name`. */
  async #beyond(name: string): Promise<string | undefined> {
    for (let i = name.length - 1; i >= 0; i--) {
      const stem = name.slice(0, i);
      const separator = SEPARATORS.indexOf(name.charAt(i));
      for (const later of separator < 0 ? "" : SEPARATORS.slice(separator + 1)) {
        const found = await this.#least(stem + later);
        if (found !== undefined) return found;
      }
      const later = await this.#first(stem, (separator < 0 ? name.slice(0, i + 1) : `${stem}/`) + AFTER_ALL);
      if (later !== undefined) return await this.#least(later.slice(0, i + 1));
    }
    return undefined;
  }

  /** The first of the names that begin with `prefix`, or are it. */
  async #least(prefix: string): Promise<string | undefined> {
    let found = await this.#first(prefix, prefix);
    for (let i = prefix.length; found !== undefined && i < found.length - 1; i++) {
      const separator = found.charAt(i);
      if (!SEPARATORS.includes(separator)) continue;
      const stem: string = found.slice(0, i);
      // Of what begins alike, a store lists first what comes last.
      const other = separator === "!" ? await this.#first(stem, `${stem}!${AFTER_ALL}`) : undefined;
      if ((await this.#first(`${stem}/`, `${stem}.${AFTER_ALL}`)) !== undefined) return stem;
      if (other !== undefined && SEPARATORS.includes(other.charAt(i))) found = other;
    }
    return found?.slice(0, -1);
  }

  /** The first of the store's groups that begins with `prefix` and sorts after `after`, which does not sort before `prefix`. */
  async #first(prefix: string, after: string): Promise<string | undefined> {
    const isCovering = ({ from, to }: Stretch): boolean => from <= after && (to === undefined || after < to);
    const { groups } = this.#known.find(isCovering) ?? (await this.#list(after));
    let [low, high] = [0, groups.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((groups[middle] ?? "") <= after) low = middle + 1;
      else high = middle;
    }
    const found = groups[low];
    return found?.startsWith(prefix) === true ? found : undefined;
  }

  async #list(after: string): Promise<Stretch> {
    const prefix = `${keys.repositories}/`;
    const page = await this.store.list({ prefix, delimiter: "/", ...(after !== "" && { startAfter: prefix + after }) });
    const groups = page.prefixes.map((group) => group.slice(prefix.length));
    const stretch = { from: after, to: page.next === undefined ? undefined : groups.at(-1), groups };
    this.#known.push(stretch);
    return stretch;
  }
}
