import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, type Stats } from "node:fs";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { isOpaqueDirectory } from "../../runtime-native/index.js";

const MAX_LINKS = 40;
const MAX_BYTES = 4 * 1024 * 1024;
const O_PATH = 0o10_000_000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Reads a file of a container's root as its processes would see it, from the directories of its layers, without mounting them and
 * without ever leaving them: each step is opened relative to the descriptor of the one before, never following a link, and links are
 * resolved here, inside the root. That holds also while the container's processes change the upper layer.
 *
 * @param layers topmost first
 * @returns undefined where there is no such file
 * @throws BerthError CONFIG_INVALID for a file that is too large or no regular file, or for a loop of links
 */
export function readLayeredFile(layers: readonly string[], path: string): string | undefined {
  const root = layers.map((layer) => openSync(layer, O_PATH | constants.O_DIRECTORY));
  try {
    return new Walk(root, path).read();
  } finally {
    for (const descriptor of root) closeSync(descriptor);
  }
}

class Walk {
  #links = 0;
  readonly #opened: number[] = [];

  constructor(
    private readonly root: readonly number[],
    private readonly path: string,
  ) {}

  read(): string | undefined {
    try {
      return this.#descend();
    } finally {
      for (const descriptor of this.#opened) closeSync(descriptor);
    }
  }

  #descend(): string | undefined {
    const ancestors: (readonly number[])[] = [this.root];
    const pending = this.path.split("/").toReversed();
    for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
      if (step === "" || step === ".") continue;
      if (step === "..") {
        if (ancestors.length > 1) ancestors.pop();
        continue;
      }
      const found = this.#lookUp(ancestors.at(-1) ?? this.root, step);
      if (found === undefined) return undefined;
      if (found.kind === "directory") ancestors.push(found.layers);
      else if (found.kind === "link") {
        if (++this.#links > MAX_LINKS) throw unusable(this.path, "it is behind too many links");
        if (found.target.startsWith("/")) ancestors.length = 1;
        pending.push(...found.target.split("/").toReversed());
      } else return pending.every((rest) => rest === "" || rest === ".") ? this.#content(found.descriptor) : undefined;
    }
    return undefined;
  }

  /** What the topmost layer says about `name`: a merged directory, a link, a file, or nothing (a whiteout is nothing). */
  #lookUp(layers: readonly number[], name: string): Found | undefined {
    const merged: number[] = [];
    for (const layer of layers) {
      const descriptor = this.#open(layer, name, O_PATH | constants.O_NOFOLLOW);
      if (descriptor === undefined) continue;
      const stats = fstatSync(descriptor);
      if (stats.isDirectory()) {
        const directory = this.#open(layer, name, DIRECTORY);
        if (directory === undefined) continue;
        merged.push(directory);
        if (layer !== layers.at(-1) && isOpaqueDirectory(`/proc/self/fd/${String(directory)}`)) break;
        continue;
      }
      if (merged.length > 0 || isWhiteout(stats)) break;
      if (stats.isSymbolicLink())
        return { kind: "link", target: readlinkSync(`/proc/self/fd/${String(layer)}/${name}`) };
      if (!stats.isFile()) throw unusable(this.path, "it is no regular file");
      return { kind: "file", descriptor };
    }
    return merged.length === 0 ? undefined : { kind: "directory", layers: merged };
  }

  /** The file behind an O_PATH descriptor: known to be a regular one, so that opening it cannot block. */
  #content(path: number): string {
    const file = openSync(`/proc/self/fd/${String(path)}`, constants.O_RDONLY);
    try {
      if (fstatSync(file).size > MAX_BYTES) throw unusable(this.path, "it is too large");
      return readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  }

  #open(directory: number, name: string, flags: number): number | undefined {
    try {
      const descriptor = openSync(`/proc/self/fd/${String(directory)}/${name}`, flags);
      this.#opened.push(descriptor);
      return descriptor;
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(errnoOf(error) ?? "")) return undefined;
      throw error;
    }
  }
}

type Found =
  | { readonly kind: "directory"; readonly layers: readonly number[] }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "file"; readonly descriptor: number };

/** Kernel documentation, overlayfs: a character device 0:0. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function unusable(path: string, why: string): BerthError {
  return new BerthError("CONFIG_INVALID", `${path} of the container cannot be read: ${why}`);
}
