import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";

/** Writes a registry's configuration. Resolves to its path. */
export function onFilesystem(directory: string): string {
  return written(directory, { filesystem: { root: join(directory, "store") } });
}

export async function onBucket(directory: string): Promise<{ readonly config: string; readonly place: S3Place }> {
  const place = await s3Place();
  return { config: written(directory, { s3: place }), place };
}

function written(directory: string, storage: object): string {
  const file = join(directory, "registry.yaml");
  writeFileSync(file, JSON.stringify({ storage }));
  return file;
}
