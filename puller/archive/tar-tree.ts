import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";

import { extract, type Header } from "tar-stream";

import { BerthError } from "../../oci/errors.js";
import type { FileExtent, FileTree } from "./blob-files.js";

const MAX_ENTRIES = 100_000;

/**
 * The regular files of an uncompressed tar, by name, with where they begin: entries of an archive come in any order and
 * are big, so they are read from the archive itself when they are wanted. Links between entries are followed, as
 * `docker save` stores a layer that comes twice as a link.
 */
export class TarTree implements FileTree {
  readonly #files: ReadonlyMap<string, FileExtent>;
  readonly #links: ReadonlyMap<string, string>;

  private constructor(files: ReadonlyMap<string, FileExtent>, links: ReadonlyMap<string, string>) {
    this.#files = files;
    this.#links = links;
  }

  /** @throws BerthError ARCHIVE_INVALID */
  static async read(path: string): Promise<TarTree> {
    const files = new Map<string, FileExtent>();
    const links = new Map<string, string>();
    const parser = extract();
    parser.on("entry", (header: Header & { byteOffset?: number }, stream, next) => {
      const name = normalised(header.name);
      if (files.size + links.size >= MAX_ENTRIES) {
        parser.destroy(new Error(`more than ${String(MAX_ENTRIES)} entries`));
        return;
      }
      if (header.type === "file" && header.byteOffset !== undefined) {
        files.set(name, { path, start: header.byteOffset, size: header.size ?? 0 });
        links.delete(name);
      } else if (header.type === "symlink" && header.linkname) {
        links.set(name, normalised(`${name.replace(/[^/]*$/, "")}${header.linkname}`));
      } else if (header.type === "link" && header.linkname) {
        links.set(name, normalised(header.linkname));
      }
      stream.on("end", next);
      // A broken archive fails the entry and the parser alike; the parser's failure is the one reported.
      stream.on("error", () => undefined);
      stream.resume();
    });
    try {
      await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), parser);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BerthError("ARCHIVE_INVALID", `${path} is not a whole tar archive: ${why}`, { cause });
    }
    return new TarTree(files, links);
  }

  find(name: string): FileExtent | undefined {
    return this.#files.get(name) ?? this.#files.get(this.#links.get(name) ?? "");
  }
}

/** `./a//b/../c` as `a/c`; only ever used as a key, never as a path on disk. */
function normalised(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
