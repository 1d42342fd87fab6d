import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";

import { ConfigReload } from "../../../../registry/config/config-reload.js";
import { loadConfig, loadServableConfig } from "../../../../registry/config/load-config.js";
import type { RegistryConfig } from "../../../../registry/config/schema.js";
import { registryLogger } from "../../../../registry/observability/logger.js";
import { waitUntil } from "../../../helpers/wait-until.js";

describe("a configuration that changes", () => {
  let directory: string;
  let file: string;
  let lines: Record<string, unknown>[];
  let applied: RegistryConfig[];
  let reload: ConfigReload;

  const load = async (): Promise<RegistryConfig> => await loadServableConfig({ file, env: {}, flags: {} });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-reload-"));
    file = join(directory, "registry.yaml");
    lines = [];
    applied = [];
    const output = new PassThrough();
    output.on("data", (line: Buffer) => lines.push(JSON.parse(line.toString()) as Record<string, unknown>));
    writeFileSync(file, "root: /a\n");
    const apply = async (config: RegistryConfig): Promise<void> => {
      applied.push(config);
      await Promise.resolve();
    };
    reload = new ConfigReload({
      config: loadConfig({ file, env: {}, flags: {} }),
      load,
      apply,
      file,
      log: registryLogger("info", output),
      intervalMs: 20,
    });
  });

  afterEach(async () => {
    await reload.close();
    rmSync(directory, { recursive: true });
  });

  it("is taken into use when its file changes, however soon", async () => {
    writeFileSync(file, 'root: /a\npolicies: [{ repositories: ["x"], immutableTags: ["v*"] }]\n');
    await waitUntil("it is applied", () => applied.length > 0);
    assert.deepEqual(applied.at(-1)?.policies[0]?.immutableTags, ["v*"]);
    assert.ok(!lines.some(({ msg }) => String(msg).includes("restart")));
  });

  it("stays as it was when the new one is wrong, and every problem is logged", async () => {
    writeFileSync(file, "listn: x\nroot: 7\n");
    await reload.reload();
    assert.deepEqual(applied, []);
    assert.deepEqual(
      lines.map(({ problem }) => problem),
      [`${file}:1: listn: there is no such setting`, `${file}:2: root: is not text`],
    );
  });

  it("says which of its changes need a restart", async () => {
    writeFileSync(file, "root: /b\nlimits: { manifestBytes: 2048, rate: { perUser: { requestsPerSecond: 1 } } }\n");
    await reload.reload();
    assert.deepEqual(lines.at(-1)?.["settings"], ["root", "limits"]);
  });

  it("says so of the spool of mirrors, and not of what else there is of mirrors and webhooks", async () => {
    const mirrors = '{ upstreams: [{ name: up, url: "http://127.0.0.1:1" }], eviction: { maxSize: 1GiB } }';
    writeFileSync(
      file,
      `root: /a\nmirrors: ${mirrors}\nwebhooks: { endpoints: [{ name: a, url: "http://127.0.0.1:1" }] }\n`,
    );
    await reload.reload();
    assert.ok(!lines.some(({ settings }) => settings !== undefined));
    writeFileSync(file, "root: /a\nmirrors: { spool: /var/tmp }\n");
    await reload.reload();
    assert.deepEqual(lines.at(-1)?.["settings"], ["mirrors"]);
  });
});
