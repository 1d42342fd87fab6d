import type { ExitRecord } from "../../runtime-native/launch-plan.js";
import type { ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";
import { readStateFile } from "../state/state-file.js";

/** With `--rm` there is nobody to read it after a power failure, so it need not wait for a disk. */
export function exitFileOf(engine: Engine, record: ContainerRecord): string {
  const paths = engine.paths.of(record.ID);
  return record.HostConfig.AutoRemove ? paths.transientExitFile : paths.exitFile;
}

/** Undefined also for one of `--rm` that a power failure has emptied: how the container ended is not known then. */
export function readExitRecord(engine: Engine, record: ContainerRecord): ExitRecord | undefined {
  try {
    return readStateFile(exitFileOf(engine, record)) as ExitRecord | undefined;
  } catch (error) {
    if (record.HostConfig.AutoRemove && error instanceof SyntaxError) return undefined;
    throw error;
  }
}
