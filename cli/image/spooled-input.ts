import { closeSync, createWriteStream, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { BerthError } from "../../oci/errors.js";

export interface SpooledInput {
  /** Of a file of this process that has no name. */
  readonly path: string;
  close(): void;
}

/**
 * Standard input as a file, for what has to be read in no order. Its name is gone before it is filled, so that nothing is left
 * of it whatever happens to this process.
 * @throws BerthError USAGE for a terminal
 */
export async function spoolStandardInput(): Promise<SpooledInput> {
  if (process.stdin.isTTY) {
    throw new BerthError("USAGE", "name the archive with -i PATH, or give it on standard input");
  }
  const directory = mkdtempSync(join(tmpdir(), "berth-load-"));
  const file = join(directory, "archive");
  const fd = openSync(file, "wx+", 0o600);
  rmSync(directory, { recursive: true });
  await pipeline(process.stdin, createWriteStream(file, { fd, autoClose: false }));
  return {
    path: `/proc/self/fd/${String(fd)}`,
    close: () => {
      closeSync(fd);
    },
  };
}
