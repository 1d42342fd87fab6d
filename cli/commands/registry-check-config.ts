import process from "node:process";

import { BerthError, isBerthError } from "../../oci/errors.js";
import { configJsonSchema } from "../../registry/config/json-schema.js";
import { loadServableConfig } from "../../registry/config/load-config.js";
import type { CommandHost } from "../command.js";

export interface CheckConfigFlags {
  readonly printSchema?: boolean;
  readonly syntaxOnly?: boolean;
}

/** Says whether the file, with the environment's overrides, would be taken by `serve`; if not, every reason at once. */
export async function checkConfig(
  file: string | undefined,
  { printSchema, syntaxOnly = false }: CheckConfigFlags,
  host: CommandHost,
): Promise<void> {
  if (printSchema === true) {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    return;
  }
  if (file === undefined) throw new BerthError("USAGE", "which file is to be checked?");
  try {
    await loadServableConfig({ file, env: process.env, flags: {} }, { syntaxOnly });
    process.stdout.write(`${file} is in order\n`);
  } catch (error) {
    if (!isBerthError(error, "CONFIG_INVALID")) throw error;
    // A line for each, where other errors have one.
    for (const problem of error.details["problems"] as readonly string[]) process.stderr.write(`${problem}\n`);
    host.exit(1);
  }
}
