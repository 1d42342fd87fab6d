import { readdirSync } from "node:fs";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { lockFile, type FileLock } from "../../runtime-native/index.js";
import { CREATED_STATE, type Container, type ContainerRecord, type ContainerState } from "../container-record.js";
import type { EnginePaths } from "../container-paths.js";
import type { ContainerNames } from "./container-names.js";
import { readStateFile, writeStateFile } from "./state-file.js";

const ID = /^[0-9a-f]{64}$/;

/** The records on disk. Reading needs no lock; whoever changes a container holds its lock. */
export class ContainerStore {
  constructor(
    private readonly paths: EnginePaths,
    private readonly names: ContainerNames,
  ) {}

  /** IDs of everything that has a directory, also of what is still being made. */
  ids(): string[] {
    try {
      return readdirSync(this.paths.containers).filter((name) => ID.test(name));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** As last written; undefined when there is none or it is not complete. */
  load(id: string): Container | undefined {
    const paths = this.paths.of(id);
    const record = readStateFile(paths.config);
    if (record === undefined) return undefined;
    const state = readStateFile(paths.state) ?? CREATED_STATE;
    return { record: record as ContainerRecord, state: state as ContainerState };
  }

  /** @throws BerthError CONTAINER_UNKNOWN */
  require(id: string): Container {
    const container = this.load(id);
    if (container === undefined) throw unknownContainer(id);
    return container;
  }

  writeRecord(record: ContainerRecord): void {
    writeStateFile(this.paths.of(record.ID).config, record, !record.HostConfig.AutoRemove);
  }

  writeState(id: string, state: ContainerState): void {
    writeStateFile(this.paths.of(id).state, state, false);
  }

  /**
   * Docker's order: full ID, name, then unique prefix of an ID.
   * @throws BerthError CONTAINER_UNKNOWN; CONFLICT when several IDs begin so
   */
  resolve(nameOrId: string): string {
    const bare = nameOrId.startsWith("/") ? nameOrId.slice(1) : nameOrId;
    if (ID.test(bare) && this.load(bare) !== undefined) return bare;
    const named = this.names.holder(bare);
    if (named !== undefined && this.load(named) !== undefined) return named;
    const matches = /^[0-9a-f]+$/.test(bare)
      ? this.ids().filter((id) => id.startsWith(bare) && this.load(id) !== undefined)
      : [];
    const [only, ...others] = matches;
    if (others.length > 0) {
      throw new BerthError(
        "CONFLICT",
        `${bare} is the beginning of ${String(matches.length)} container IDs: write more of it`,
      );
    }
    if (only === undefined) throw unknownContainer(nameOrId);
    return only;
  }

  /** @throws BerthError CONTAINER_UNKNOWN when it was removed meanwhile */
  async lock(id: string): Promise<FileLock> {
    let lock: FileLock;
    try {
      lock = await lockFile(this.paths.of(id).lock, "exclusive");
    } catch (error) {
      if (this.load(id) === undefined) throw unknownContainer(id, error);
      throw error;
    }
    if (this.load(id) !== undefined) return lock;
    lock.release();
    throw unknownContainer(id);
  }
}

function unknownContainer(nameOrId: string, cause?: unknown): BerthError {
  return new BerthError("CONTAINER_UNKNOWN", `no such container: ${nameOrId.slice(0, 300)}`, { cause });
}
