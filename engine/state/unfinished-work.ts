import { mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

import { errnoOf } from "../../oci/errors.js";
import { identifyProcess, isAlive, type ProcessIdentity } from "./process-identity.js";
import { readStateFile, writeStateFile } from "./state-file.js";

/**
 * Notes of containers that a process has begun to make or has promised to remove, each with the identity of that process. What a dead
 * process noted is somebody else's to finish. Looking costs one readdir of a directory that is empty as a rule.
 */
export class UnfinishedWork {
  constructor(private readonly directory: string) {}

  note(id: string): void {
    const path = join(this.directory, id);
    try {
      writeStateFile(path, identifyProcess(process.pid), false);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      writeStateFile(path, identifyProcess(process.pid), false);
    }
  }

  finished(id: string): void {
    try {
      unlinkSync(join(this.directory, id));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }

  /** IDs of the containers whose process has gone. */
  abandoned(): string[] {
    return this.#list().filter((id) => {
      const owner = readNote(join(this.directory, id));
      return owner === undefined || !isAlive(owner);
    });
  }

  #list(): string[] {
    try {
      return readdirSync(this.directory).filter((name) => /^[0-9a-f]{64}$/.test(name));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  }
}

/** A note that a power failure left empty has no owner; one that was just removed reads as its own live process. */
function readNote(path: string): ProcessIdentity | undefined {
  try {
    const note = readStateFile(path) as Partial<ProcessIdentity> | undefined;
    if (note === undefined) return identifyProcess(process.pid);
    return { pid: note.pid ?? 0, startTime: note.startTime ?? 0 };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
