import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { removeTree } from "../../runtime-native/index.js";

/** A state directory of a test's own. */
export class StateRoot {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-state-"));
  readonly root = join(this.directory, "root");

  /** Every file and link below the root, relative; but for the two lock files that stay, which are empty. */
  files(): string[] {
    if (!existsSync(this.root)) return [];
    return readdirSync(this.root, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)))
      .filter((path) => path !== "locks/images" && path !== "locks/sessions")
      .sort();
  }

  /** Directories left in overlay2/ and staging/. */
  directories(): string[] {
    return ["overlay2", "staging"].flatMap((name) => {
      try {
        return readdirSync(join(this.root, name)).filter((entry) => entry !== "l");
      } catch {
        return [];
      }
    });
  }

  async remove(): Promise<void> {
    await removeTree(this.directory);
  }
}
