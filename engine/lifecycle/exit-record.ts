import type { ExitRecord } from "../../runtime-native/launch-plan.js";
import type { ContainerRecord } from "../container-record.js";
import type { Engine } from "../engine.js";
import { readStateFile } from "../state/state-file.js";

/** With `--rm` there is nobody to read it after a power failure, so it need not wait for a disk. */
export function exitFileOf(engine: Engine, record: ContainerRecord): string {
  const paths = engine.paths.of(record.ID);
  return record.HostConfig.AutoRemove ? paths.transientExitFile : paths.exitFile;
}

export function readExitRecord(engine: Engine, record: ContainerRecord): ExitRecord | undefined {
  return readStateFile(exitFileOf(engine, record)) as ExitRecord | undefined;
}
