import { mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const MAX_NAME_LENGTH = 255;

/** @throws BerthError NAME_INVALID */
export function checkContainerName(name: string): string {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (!NAME.test(bare) || bare.length > MAX_NAME_LENGTH) {
    throw new BerthError(
      "NAME_INVALID",
      `invalid container name ${JSON.stringify(name.slice(0, 300))}: use letters, digits, _ . - and begin with a letter or digit`,
    );
  }
  return bare;
}

/** Names are links to IDs: making a link is atomic and fails when the name is taken, so no lock is needed. */
export class ContainerNames {
  constructor(private readonly directory: string) {}

  /** @returns false when another container has the name */
  take(name: string, id: string): boolean {
    try {
      symlinkSync(id, join(this.directory, name));
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      if (errnoOf(error) !== "ENOENT") throw error;
    }
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    return this.take(name, id);
  }

  /** Gives the name back, if it is this container's. */
  release(name: string, id: string): void {
    if (this.holder(name) !== id) return;
    try {
      unlinkSync(join(this.directory, name));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }

  /** One that was being renamed when its process died has two. */
  releaseAllOf(id: string): void {
    for (const name of this.#all()) this.release(name, id);
  }

  #all(): string[] {
    try {
      return readdirSync(this.directory);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** ID of the container with this name. */
  holder(name: string): string | undefined {
    if (!NAME.test(name) || name.length > MAX_NAME_LENGTH) return undefined;
    try {
      return readlinkSync(join(this.directory, name));
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EINVAL") return undefined;
      throw error;
    }
  }
}
