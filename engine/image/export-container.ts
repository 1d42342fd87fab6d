import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { randomBytes } from "node:crypto";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { asBerthError } from "../../puller/install/native-failure.js";
import { packLayer } from "../../runtime-native/index.js";
import type { Engine } from "../engine.js";
import { requirePrivilege } from "../lifecycle/privilege.js";
import { settleState } from "../lifecycle/settle-state.js";
import { withRootView } from "./root-view.js";

/**
 * Writes a tar of the container's file tree, running or not, without what is mounted into it. The container can neither
 * start nor be removed meanwhile.
 * @param output an open descriptor, the caller's to close
 * @throws BerthError CONTAINER_UNKNOWN, PRIVILEGE, NO_SPACE, ABORTED; CONFLICT when a file changed under the reader
 */
export async function exportContainer(engine: Engine, id: string, output: number, signal?: AbortSignal): Promise<void> {
  requirePrivilege();
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const state = await settleState(engine, container);
    await withRootView(engine, container.record, state, async (source) => {
      await packLayer({ source, output, compression: "none", overlayWhiteouts: false }, signal);
    });
  } catch (error) {
    if (signal?.aborted === true) throw new BerthError("ABORTED", "the export was cancelled", { cause: error });
    throw asBerthError(error, `failed to export ${id.slice(0, 12)}`);
  } finally {
    lock.release();
  }
}

/** The same into a file, for its owner's eyes only, which is there when all of it is. @throws BerthError USAGE */
export async function exportToFile(engine: Engine, id: string, file: string, signal?: AbortSignal): Promise<void> {
  const target = checkTarget(file);
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  const descriptor = openNew(temporary, file);
  try {
    try {
      await exportContainer(engine, id, descriptor, signal);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** What a rename would replace must be a file: not /dev/null, nor a link to the file that is meant. */
function checkTarget(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return file;
  if (!stats.isFile()) {
    throw new BerthError("USAGE", `${file} is not a regular file: choose another name, or redirect standard output`);
  }
  return realpathSync(file);
}

function openNew(temporary: string, file: string): number {
  try {
    return openSync(temporary, "wx", 0o600);
  } catch (error) {
    throw new BerthError("USAGE", `cannot write ${file}: ${errnoOf(error) ?? String(error)}`, { cause: error });
  }
}
