import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { randomBytes, removeTree } from "../../runtime-native/index.js";
import type { OverlayDirectories, OverlayPaths } from "./local-store-contract.js";
import { readIfThere } from "./read-if-there.js";

const LINK_LENGTH = 26;
// Docker's limit; 128 short links of 29 bytes still fit into the one page of mount(2)'s data.
const MAX_DEPTH = 128;

export class Overlay2Directories implements OverlayDirectories {
  constructor(readonly base: string) {}

  create(id: string, parentId?: string): OverlayPaths {
    const paths = this.paths(id);
    const lower = parentId === undefined ? [] : this.#stackFrom(parentId);
    makeDirectory(this.base, 0o710);
    try {
      mkdirSync(paths.directory);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") throw new BerthError("ALREADY_EXISTS", `${paths.directory} exists already`);
      throw error;
    }
    chmodSync(paths.directory, 0o710);
    mkdirSync(paths.diff);
    chmodSync(paths.diff, 0o755);
    this.#describe(paths, id, lower);
    return paths;
  }

  /** As create(), around a directory with the layer's files: `directory` holds `diff` and becomes overlay2/<id>. */
  adopt(directory: string, id: string, parentId?: string): void {
    const lower = parentId === undefined ? [] : this.#stackFrom(parentId);
    makeDirectory(this.base, 0o710);
    chmodSync(directory, 0o710);
    const paths = this.paths(id);
    renameSync(directory, paths.directory);
    this.#describe(paths, id, lower);
  }

  async remove(id: string): Promise<void> {
    const paths = this.paths(id);
    const link = readIfThere(paths.linkFile);
    if (link !== undefined && isLinkName(link)) {
      try {
        unlinkSync(join(this.base, "l", link));
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw error;
      }
    }
    await removeTree(paths.directory);
  }

  paths(id: string): OverlayPaths {
    const directory = join(this.base, id);
    return {
      directory,
      diff: join(directory, "diff"),
      work: join(directory, "work"),
      merged: join(directory, "merged"),
      linkFile: join(directory, "link"),
      lowerFile: join(directory, "lower"),
    };
  }

  link(id: string): string {
    return readFileSync(this.paths(id).linkFile, "utf8");
  }

  lowerLinks(id: string): string[] {
    const lower = readIfThere(this.paths(id).lowerFile);
    return lower === undefined || lower === "" ? [] : lower.split(":");
  }

  #stackFrom(parentId: string): string[] {
    const lower = [`l/${this.link(parentId)}`, ...this.lowerLinks(parentId)];
    if (lower.length > MAX_DEPTH) {
      throw new BerthError("UNSUPPORTED", `more than ${String(MAX_DEPTH)} layers: overlay2 cannot stack them`);
    }
    return lower;
  }

  #describe(paths: OverlayPaths, id: string, lower: readonly string[]): void {
    if (lower.length > 0) {
      writeFileSync(paths.lowerFile, lower.join(":"), { mode: 0o644 });
      for (const directory of [paths.work, paths.merged]) mkdirSync(directory, { mode: 0o700 });
    }
    const link = newLinkName();
    mkdirSync(join(this.base, "l"), { recursive: true, mode: 0o700 });
    symlinkSync(join("..", id, "diff"), join(this.base, "l", link));
    writeFileSync(paths.linkFile, link, { mode: 0o644 });
  }
}

function newLinkName(): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return Array.from(randomBytes(LINK_LENGTH), (byte) => alphabet.charAt(byte % alphabet.length)).join("");
}

function isLinkName(text: string): boolean {
  return /^[A-Z2-7]{26}$/.test(text);
}

// mkdir's mode passes through the umask, and a second process may have made it first.
function makeDirectory(path: string, mode: number): void {
  if (existsSync(path)) return;
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
}
