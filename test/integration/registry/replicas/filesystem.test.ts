import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { describeRacesAcrossReplicas } from "./race-suite.js";
import type { SharedMedium } from "./replica-set.js";
import { describeUploadsAcrossReplicas } from "./upload-suite.js";

async function directory(): Promise<SharedMedium> {
  const root = mkdtempSync(join(tmpdir(), "berth-replicas-"));
  return await Promise.resolve({
    open: async () => await FilesystemObjectStore.open(root),
    leftovers: async () => await Promise.resolve(readdirSync(join(root, ".staging"))),
    dispose: async () => {
      rmSync(root, { recursive: true });
      await Promise.resolve();
    },
  });
}

describeUploadsAcrossReplicas("filesystem", directory);
describeRacesAcrossReplicas("filesystem", directory);
