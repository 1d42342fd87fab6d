import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../oci/errors.js";
import { loadServableConfig } from "../../../registry/config/load-config.js";

describe("berth registry check-config", () => {
  it("does not find in order what serve refuses: a wide listener without authentication", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-check-config-"));
    try {
      const file = join(directory, "registry.yaml");
      writeFileSync(file, "listen: 0.0.0.0:5000\n");
      await assert.rejects(loadServableConfig({ file, env: {}, flags: {} }), (error) => {
        return error instanceof BerthError && /registry.yaml:1: listen: .* no authentication/.test(error.message);
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
