import process from "node:process";

import { configJsonSchema } from "../../registry/config/json-schema.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { BerthError } from "../../oci/errors.js";

export interface CheckConfigFlags {
  readonly printSchema?: boolean;
}

/** Says whether the file, with the environment's overrides, would be taken by `serve`; if not, every reason at once. */
export function checkConfig(file: string | undefined, { printSchema }: CheckConfigFlags): void {
  if (printSchema === true) {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    return;
  }
  if (file === undefined) throw new BerthError("USAGE", "which file is to be checked?");
  loadConfig({ file, env: process.env, flags: {} });
  process.stdout.write(`${file} is in order\n`);
}
