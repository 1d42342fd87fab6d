import process from "node:process";

import { startRegistry, type RegistryOptions } from "../../../registry/index.js";

/** Run by RegistryProcess: serves as the options in its first argument say, and sends its address to its parent. */
const registry = await startRegistry(JSON.parse(process.argv[2] ?? "{}") as RegistryOptions);
process.send?.(registry.url);
// Without its parent it is of no use.
process.once("disconnect", () => process.exit());
