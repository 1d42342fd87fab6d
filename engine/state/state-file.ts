import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { errnoOf } from "../../oci/errors.js";

/**
 * Replaces a JSON file as a whole: whoever reads it sees the old or the new one.
 * @param durable fsync file and directory; off for what does not have to outlive the host's power supply
 */
export function writeStateFile(path: string, value: unknown, durable: boolean): void {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  const text = JSON.stringify(value);
  if (!durable) {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
    return;
  }
  const file = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** The content, or undefined where there is no such file. */
export function readStateFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
