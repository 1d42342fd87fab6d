import { randomUUID } from "node:crypto";
import { statSync, type BigIntStats } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { ownProcessIdentity, processState } from "../process-identity.js";

const TEMPORARY = "put";
const UPLOAD = "upload";
/** For leftovers whose writer cannot be seen from here: it may run in another PID namespace on the same directory. */
const FOREIGN_LEFTOVER_MS = 24 * 3600_000;

/**
 * The directory in which files are written before they get their name, `<root>/.staging`. One for the whole store and
 * not one beside each object, so that sweeping what killed processes left costs a look at the leftovers and no walk of
 * the store; a rename is atomic anywhere on one file system, which FilesystemObjectStore.open makes sure of.
 *
 *   put.<process identity>.<uuid>   an object on its way; of no use once its writer is gone
 *   upload.<uuid>                   an upload that any process may resume, until it has lain untouched for too long
 */
export class StagingArea {
  private constructor(
    readonly directory: string,
    private readonly inode: BigIntStats,
  ) {}

  /** Sweeps what is of no use to anybody; uploads may be gone on with. */
  static async open(root: string): Promise<StagingArea> {
    const directory = join(root, ".staging");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const area = new StagingArea(directory, statSync(directory, { bigint: true }));
    await area.sweep(Infinity);
    return area;
  }

  /**
   * To be asked when something was not found: where the file system was unmounted nothing is.
   * @throws BerthError UNAVAILABLE
   */
  assertThere(): void {
    const now = statSync(this.directory, { bigint: true, throwIfNoEntry: false });
    if (now?.ino === this.inode.ino && now.dev === this.inode.dev) return;
    throw new BerthError("UNAVAILABLE", `${dirname(this.directory)} is not what it was: is its file system mounted?`);
  }

  temporaryFile(): string {
    return join(this.directory, `${TEMPORARY}.${ownProcessIdentity()}.${randomUUID()}`);
  }

  /** @param id of `newUploadId` */
  uploadFile(id: string): string {
    return join(this.directory, `${UPLOAD}.${id}`);
  }

  newUploadId(): string {
    return randomUUID();
  }

  /** Returns how many files it has removed: of dead processes, and uploads that nobody has written to for so long. */
  async sweep(staleUploadMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.directory)) {
      const path = join(this.directory, name);
      if (!(await isLeftover(name, path, staleUploadMs))) continue;
      await rm(path, { force: true });
      removed++;
    }
    return removed;
  }
}

async function isLeftover(name: string, path: string, staleUploadMs: number): Promise<boolean> {
  if (name.startsWith(`${UPLOAD}.`)) return (await ageOf(path)) > staleUploadMs;
  if (!name.startsWith(`${TEMPORARY}.`)) return false;
  const state = processState(name.slice(TEMPORARY.length + 1, name.lastIndexOf(".")));
  return state === "dead" || (state === "unknown" && (await ageOf(path)) > FOREIGN_LEFTOVER_MS);
}

async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}
