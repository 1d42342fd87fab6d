import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { PROJECT } from "./step.mjs";

const FOLDERS = ["addon", "core", "layers", "shim"];

/** The C++ files, relative to the project. */
export function nativeSources() {
  return FOLDERS.map((folder) => join("runtime-native", folder))
    .filter((folder) => existsSync(join(PROJECT, folder)))
    .flatMap((folder) =>
      readdirSync(join(PROJECT, folder))
        .filter((file) => /\.(cc|h)$/.test(file))
        .sort()
        .map((file) => join(folder, file)),
    );
}
