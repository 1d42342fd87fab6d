import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { ConfigReload } from "../../../registry/config/config-reload.js";
import { loadConfig } from "../../../registry/config/load-config.js";
import type { RegistryConfig } from "../../../registry/config/schema.js";

/** It was taken for the one that the registry had been started with, until the file changed once more. */
describe("a configuration that changes while the registry starts", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-start-"));
    file = join(directory, "registry.yaml");
    writeFileSync(file, "root: /a\n");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const load = (): RegistryConfig => loadConfig({ file, env: {}, flags: {} });
  const appliedAfter = async (change: () => void): Promise<number> => {
    const config = load();
    change();
    let applied = 0;
    const reload = new ConfigReload({
      config,
      load: async () => await Promise.resolve(load()),
      apply: async () => {
        applied++;
        await Promise.resolve();
      },
      file,
      log: pino({ level: "silent" }),
    });
    await reload.catchUp();
    await reload.close();
    return applied;
  };

  it("is taken into use once it is followed", async () => {
    assert.equal(await appliedAfter(() => undefined), 0);
    assert.equal(await appliedAfter(() => writeFileSync(file, "root: /a\nlog: { level: debug }\n")), 1);
  });
});
