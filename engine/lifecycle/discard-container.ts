import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { errnoOf } from "../../oci/errors.js";
import { removeTree } from "../../runtime-native/index.js";
import type { Engine } from "../engine.js";
import { initLayerId } from "./init-layer.js";

/**
 * Removes everything of a container that does not run: layers, records, name. From its first step on nobody sees the container any
 * more; when a crash stops it, the note in unfinished/ makes the next process go on. Idempotent.
 */
export async function discardContainer(engine: Engine, id: string): Promise<void> {
  const paths = engine.paths.of(id);
  const removed = join(engine.paths.containers, `${id}-removed`);
  // Somebody may wait for the lock file: out of the way in one step, or the directory would not stay empty.
  try {
    renameSync(paths.directory, removed);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  engine.names.releaseAllOf(id);
  await Promise.all([
    engine.store.overlay.remove(id),
    engine.store.overlay.remove(initLayerId(id)),
    ...(existsSync(removed) ? [removeTree(removed)] : []),
  ]);
  rmSync(paths.socket, { force: true });
  rmSync(paths.run, { recursive: true, force: true });
  engine.unfinished.finished(id);
}
