import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import * as v from "valibot";

import { isBerthError, type ErrorCode } from "../../../oci/errors.js";
import { collectorSection } from "../../../registry/config/collector-section.js";
import { webhooksSection } from "../../../registry/config/webhooks-section.js";
import { startRegistry, type RegistryOptions } from "../../../registry/index.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { settingsIn } from "../../integration/registry/auth/support/guarded-registry.js";
import { mirrorSettings } from "../../integration/registry/mirror/support/mirror-rig.js";

/** What had been opened before the fault stayed open: the store and listeners. */
describe("a registry that cannot start", () => {
  let directory: string;
  let taken: ReturnType<typeof createServer>;
  let takenAddress: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-start-"));
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    takenAddress = `127.0.0.1:${String((taken.address() as AddressInfo).port)}`;
  });

  after(async () => {
    await new Promise((resolve) => taken.close(resolve));
    rmSync(directory, { recursive: true });
  });

  /** What keeps a port. */
  const held = (): string[] => process.getActiveResourcesInfo().filter((kind) => /^TCP|^FSReq/.test(kind));

  const nowhere = join(tmpdir(), "berth-there-is-no-such-file");
  const cases: readonly (readonly [string, ErrorCode, () => Partial<RegistryOptions>])[] = [
    ["an address in use", "ADDRESS_IN_USE", () => ({ listen: takenAddress })],
    ["an address in use for metrics", "ADDRESS_IN_USE", () => ({ metrics: { listen: takenAddress } })],
    ["a certificate that is not there", "CONFIG_INVALID", () => ({ tls: tlsSettings(nowhere) })],
    ["users that are not there", "CONFIG_INVALID", () => ({ auth: settingsIn(nowhere, { keys: keysIn(directory) }) })],
    ["an upstream's authorities that are not there", "CONFIG_INVALID", () => ({ mirrors: mirrorsWith(nowhere) })],
    ["a webhook's secret that is not there", "CONFIG_INVALID", () => ({ webhooks: webhooksWith(nowhere) })],
  ];
  for (const [fault, code, options] of cases) {
    it(`leaves nothing open because of ${fault}`, async () => {
      const all: RegistryOptions = {
        root: join(directory, "store"),
        metrics: { listen: "127.0.0.1:0" },
        mirrors: mirrorSettings({
          upstreams: [{ name: "up", url: "http://127.0.0.1:9" }],
          eviction: { maxAgeDays: 1 },
        }),
        collector: v.parse(collectorSection, {}),
        ...options(),
      };
      const before = held().length;
      await assert.rejects(startRegistry(all), (error) => isBerthError(error, code));
      await waitUntil("nothing more is held than before", () => held().length <= before);
    });
  }
});

function tlsSettings(file: string): NonNullable<RegistryOptions["tls"]> {
  return { certificate: file, key: file, clientCertificate: "optional", minVersion: "1.2" };
}

function keysIn(directory: string): object {
  return { directory: join(directory, "keys") };
}

function mirrorsWith(caFile: string): NonNullable<RegistryOptions["mirrors"]> {
  return mirrorSettings({ upstreams: [{ name: "up", url: "https://registry.example", caFile }] });
}

function webhooksWith(secretFile: string): NonNullable<RegistryOptions["webhooks"]> {
  return v.parse(webhooksSection, { endpoints: [{ name: "hook", url: "http://127.0.0.1:9/", secretFile }] }).endpoints;
}
