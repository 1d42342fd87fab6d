import process from "node:process";

import { BerthError, isBerthError } from "../../oci/errors.js";
import { assertGuarded } from "../../registry/access-control.js";
import { configJsonSchema } from "../../registry/config/json-schema.js";
import { parseListenAddress } from "../../registry/config/listen-address.js";
import { loadConfig } from "../../registry/config/load-config.js";
import type { CommandHost } from "../command.js";

export interface CheckConfigFlags {
  readonly printSchema?: boolean;
}

/** Says whether the file, with the environment's overrides, would be taken by `serve`; if not, every reason at once. */
export function checkConfig(file: string | undefined, { printSchema }: CheckConfigFlags, host: CommandHost): void {
  if (printSchema === true) {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    return;
  }
  if (file === undefined) throw new BerthError("USAGE", "which file is to be checked?");
  try {
    const config = loadConfig({ file, env: process.env, flags: {} });
    assertGuarded(config, parseListenAddress(config.listen));
    process.stdout.write(`${file} is in order\n`);
  } catch (error) {
    if (!isBerthError(error, "CONFIG_INVALID")) throw error;
    // A line for each, where other errors have one.
    for (const problem of error.details["problems"] as readonly string[]) process.stderr.write(`${problem}\n`);
    host.exit(1);
  }
}
