import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { checkConfig } from "../../../cli/commands/registry-check-config.js";
import type { CommandHost } from "../../../cli/command.js";

describe("berth registry check-config", () => {
  it("does not find in order what serve refuses: a wide listener without authentication", () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-check-config-"));
    try {
      const file = join(directory, "registry.yaml");
      writeFileSync(file, "listen: 0.0.0.0:5000\n");
      const host = { exit: (code: number) => assert.fail(`exit ${String(code)}`) } as unknown as CommandHost;
      assert.throws(
        () => {
          checkConfig(file, {}, host);
        },
        { code: "USAGE", message: /no authentication/ },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
