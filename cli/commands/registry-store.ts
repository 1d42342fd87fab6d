import { existsSync } from "node:fs";
import { join } from "node:path";

import { BerthError } from "../../oci/errors.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import { storeSettingsOf } from "../../registry/config/storage-section.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { openStore } from "../../storage/open-store.js";
import type { CliContext } from "../context.js";

/**
 * The store of a registry that may be serving from it at the same time.
 * @throws BerthError USAGE where there is no such directory: a mistyped one would pass for a registry in which all is well;
 * STORAGE, NO_SPACE
 */
export async function openRegistryStore(config: RegistryConfig, { root }: CliContext): Promise<ObjectStore> {
  const settings = storeSettingsOf(config.storage, config.root ?? join(root, "registry"));
  const directory = settings.filesystem?.root;
  if (directory !== undefined && !existsSync(directory)) {
    throw new BerthError("USAGE", `there is no registry in ${directory}: name it by --root or --config`);
  }
  return await openStore(settings);
}
