import { isDigest, type Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { isRepositoryName, isTag } from "../../oci/reference.js";
import { MAX_LIST_PAGE, type ObjectInfo, type ObjectStore } from "../../storage/object-store.js";

const ALGORITHMS = ["sha256", "sha512"] as const;
/** Distribution takes no manifest above 4 MiB; whoever raised that did not raise it beyond this. */
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

const TREE = "docker/registry/v2";

/** Where the repositories lie of the tree that holds these bytes; undefined for a key of the registry's own. */
export function repositoriesBeside(dataKey: string): string | undefined {
  const tree = dataKey.lastIndexOf(`${TREE}/blobs/`);
  return tree < 0 ? undefined : `${dataKey.slice(0, tree)}${TREE}/repositories/`;
}

/**
 * What the filesystem and S3 drivers of distribution (registry:2 and :3) keep, read and never written:
 *
 *   <prefix>docker/registry/v2/blobs/<alg>/<xx>/<hex>/data
 *   <prefix>docker/registry/v2/repositories/<name>/_layers/<alg>/<hex>/link
 *   <prefix>docker/registry/v2/repositories/<name>/_manifests/revisions/<alg>/<hex>/link
 *   <prefix>docker/registry/v2/repositories/<name>/_manifests/tags/<tag>/current/link
 *
 * A link holds a digest. Manifests are blobs as well, without their media type. `_uploads` and a tag's `index` (what it once
 * named) are of no use to anybody else.
 */
export class DistributionLayout {
  readonly #root: string;

  /** @param prefix where distribution's root directory lies in the store: empty, or with a `/` at its end */
  constructor(
    private readonly store: ObjectStore,
    private readonly prefix = "",
  ) {
    this.#root = `${prefix}${TREE}`;
  }

  /** @throws BerthError USAGE when there is nothing of distribution's here, or where bytes could not be adopted */
  async assertThere(): Promise<void> {
    // In names of links it stands for a slash (../storage/key-tree.ts).
    if (this.prefix.includes("!")) {
      throw new BerthError("USAGE", `bytes below ${this.prefix} cannot be adopted: rename what has a ! in its name`);
    }
    const { keys } = await this.store.list({ prefix: `${this.#root}/`, limit: 1 });
    if (keys.length === 0)
      throw new BerthError("USAGE", `there is no ${this.#root}: is that distribution's directory?`);
  }

  /** Names of all repositories, each once. A repository may lie below another: `a` and `a/b`. */
  async *repositories(): AsyncGenerator<string> {
    const waiting = [`${this.#root}/repositories/`];
    for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
      let isRepository = false;
      for await (const child of this.#directoriesIn(directory)) {
        if (!child.startsWith("_")) waiting.push(`${directory}${child}/`);
        else isRepository ||= child === "_manifests" || child === "_layers";
      }
      const name = directory.slice(`${this.#root}/repositories/`.length, -1);
      if (isRepository && isRepositoryName(name)) yield name;
    }
  }

  /** Blobs that the repository may serve. */
  layers(name: string): AsyncGenerator<Digest> {
    return this.#linked(`${this.#root}/repositories/${name}/_layers`);
  }

  manifests(name: string): AsyncGenerator<Digest> {
    return this.#linked(`${this.#root}/repositories/${name}/_manifests/revisions`);
  }

  /** Without a digest where the link is damaged, as a loss of power leaves it. */
  async *tags(name: string): AsyncGenerator<readonly [tag: string, digest: Digest | undefined]> {
    const directory = `${this.#root}/repositories/${name}/_manifests/tags/`;
    for await (const tag of this.#directoriesIn(directory)) {
      const link = isTag(tag) ? await this.#linkAt(`${directory}${tag}/current/link`) : undefined;
      if (link !== undefined) yield [tag, isDigest(link) ? link : undefined];
    }
  }

  /** The key of a blob's bytes. */
  dataOf(digest: Digest): string {
    const [algorithm = "", hex = ""] = digest.split(":");
    return `${this.#root}/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
  }

  async statData(digest: Digest): Promise<ObjectInfo | undefined> {
    return await this.store.stat(this.dataOf(digest));
  }

  /** @throws BerthError OBJECT_UNKNOWN; TOO_LARGE */
  async readManifest(digest: Digest): Promise<Buffer> {
    const size = (await this.statData(digest))?.size ?? 0;
    if (size > MAX_MANIFEST_BYTES) throw new BerthError("TOO_LARGE", `a manifest of ${String(size)} bytes`);
    return await this.store.get(this.dataOf(digest));
  }

  async *#linked(directory: string): AsyncGenerator<Digest> {
    for (const algorithm of ALGORITHMS) {
      for await (const hex of this.#directoriesIn(`${directory}/${algorithm}/`)) {
        const digest = `${algorithm}:${hex}`;
        // A deleted manifest or layer leaves its directory behind, without the link.
        if (isDigest(digest) && (await this.#linkAt(`${directory}/${algorithm}/${hex}/link`)) === digest) yield digest;
      }
    }
  }

  async #linkAt(key: string): Promise<string | undefined> {
    try {
      return (await this.store.get(key)).toString().trim();
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  }

  async *#directoriesIn(directory: string): AsyncGenerator<string> {
    let startAfter: string | undefined;
    do {
      const page = await this.store.list({
        prefix: directory,
        delimiter: "/",
        limit: MAX_LIST_PAGE,
        ...(startAfter !== undefined && { startAfter }),
      });
      for (const prefix of page.prefixes) yield prefix.slice(directory.length, -1);
      startAfter = page.next;
    } while (startAfter !== undefined);
  }
}
