import { readFileSync } from "node:fs";

import { BerthError, errnoOf } from "../../oci/errors.js";

/** `-e NAME=VALUE`, `-e NAME` (this process's value, or left out), and the same from files. @throws BerthError USAGE */
export function collectEnvironment(entries: readonly string[], files: readonly string[]): string[] {
  return [...files.flatMap((file) => readLines(file, "--env-file")), ...entries].flatMap((entry) => {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (name === "" || /\s/.test(name)) {
      throw new BerthError("USAGE", `invalid environment variable ${JSON.stringify(entry)}: write NAME=VALUE`);
    }
    if (equals >= 0) return [entry];
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

/** `-l NAME=VALUE` or `-l NAME`, and the same from files. @throws BerthError USAGE */
export function collectLabels(entries: readonly string[], files: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const entry of [...files.flatMap((file) => readLines(file, "--label-file")), ...entries]) {
    const equals = entry.indexOf("=");
    if (equals === 0 || entry === "") {
      throw new BerthError("USAGE", `invalid label ${JSON.stringify(entry)}: write NAME=VALUE`);
    }
    labels[equals < 0 ? entry : entry.slice(0, equals)] = equals < 0 ? "" : entry.slice(equals + 1);
  }
  return labels;
}

/** Lines without comments and empty ones. */
function readLines(file: string, flag: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split(/\r?\n/)
      .map((line) => line.trimStart())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (cause) {
    throw new BerthError("USAGE", `${flag} ${file} cannot be read: ${errnoOf(cause) ?? String(cause)}`, { cause });
  }
}
