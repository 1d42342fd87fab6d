import { join } from "node:path";

import type { RegistryConfig } from "../../registry/config/schema.js";
import { storeSettingsOf } from "../../registry/config/storage-section.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { openStore } from "../../storage/open-store.js";
import type { CliContext } from "../context.js";

/** The store of a registry that may be serving from it at the same time. @throws BerthError STORAGE, NO_SPACE */
export async function openRegistryStore(config: RegistryConfig, { root }: CliContext): Promise<ObjectStore> {
  return await openStore(storeSettingsOf(config.storage, config.root ?? join(root, "registry")));
}
