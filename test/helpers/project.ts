import { fileURLToPath } from "node:url";

/** The project's folder, seen from dist/test/helpers. */
export const PROJECT = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");
