import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { BERTH } from "../../../helpers/berth-host.js";
import { freePort } from "../../../helpers/free-port.js";
import { imageIn, putManifest } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

async function valueOf(url: string, series: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

describe("metrics", () => {
  it("count requests, bytes and the store's operations, on an address of their own", async () => {
    const registry = await TestRegistry.start({ metrics: { listen: "127.0.0.1:0" } });
    try {
      const image = await imageIn(registry, "a");
      await putManifest(registry, "a", "v1", image);
      for (let i = 0; i < 3; i++) await registry.expect(200, "GET", "/v2/a/manifests/v1");
      await registry.expect(404, "GET", "/v2/a/manifests/nothing");
      const value = async (series: string): Promise<number> => await valueOf(registry.metricsUrl, series);
      assert.equal(await value('berth_registry_requests_total{operation="getManifest",status="200"}'), 3);
      assert.equal(await value('berth_registry_requests_total{operation="getManifest",status="404"}'), 1);
      assert.equal(await value('berth_registry_requests_total{operation="startUpload",status="201"}'), 3);
      assert.equal(await value('berth_registry_request_duration_seconds_count{operation="getManifest"}'), 4);
      assert.ok((await value("berth_registry_received_bytes_total")) >= 2100 + image.bytes.length);
      assert.ok((await value("berth_registry_sent_bytes_total")) >= 3 * image.bytes.length);
      assert.ok((await value('berth_registry_store_operation_duration_seconds_count{operation="put"}')) > 3);
      assert.equal(await value("berth_registry_requests_under_way"), 0);
      // Names that a client makes up make no series.
      await registry.fetch("GET", "/nothing/at/all");
      assert.equal(await value('berth_registry_requests_total{operation="none",status="404"}'), 1);
      await registry.expect(404, "GET", "/metrics");
      assert.equal((await fetch(registry.metricsUrl.replace("/metrics", "/v2/"))).status, 404);
    } finally {
      await registry.stop();
    }
  });

  it("do not keep a registry from ending that cannot start", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const listen = `127.0.0.1:${String(typeof address === "object" ? address?.port : "")}`;
    const root = mkdtempSync(join(tmpdir(), "berth-taken-"));
    const child = spawn(process.execPath, [BERTH, "registry", "serve", "--listen", listen, "--root", root], {
      env: { ...process.env, BERTH_REGISTRY_METRICS_LISTEN: "127.0.0.1:0" },
      stdio: "ignore",
    });
    const late = setTimeout(() => child.kill("SIGKILL"), 240_000);
    const [status] = (await once(child, "exit")) as [number | null];
    clearTimeout(late);
    taken.close();
    rmSync(root, { recursive: true, force: true });
    assert.equal(status, 1);
  });

  it("are those of all workers together", async () => {
    const root = mkdtempSync(join(tmpdir(), "berth-workers-"));
    const metricsAddress = `127.0.0.1:${String(await freePort())}`;
    const args = [
      "registry",
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--root",
      root,
      "--workers",
      "2",
      "--log-level",
      "error",
    ];
    const child = spawn(process.execPath, [BERTH, ...args], {
      env: { ...process.env, BERTH_REGISTRY_METRICS_LISTEN: metricsAddress },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const url = /http:\/\/\S+/.exec(line.toString())?.[0] ?? assert.fail(line.toString());
      for (let i = 0; i < 8; i++) {
        await fetch(`${url}/v2/`, { headers: { Connection: "close" } });
      }
      const series = 'berth_registry_requests_total{operation="ping",status="200"}';
      // The primary asks its workers each time, and does not wait long for one that is slow.
      const counted = async (): Promise<number> => await valueOf(`http://${metricsAddress}/metrics`, series);
      while ((await counted()) < 8) await sleep(20);
      assert.equal(await counted(), 8);
      // Each on a connection of its own, and so at one worker or the other.
      for (let i = 0; i < 5; i++) {
        const answer = await fetch(`${url}/v2/a/blobs/uploads/`, { method: "POST", headers: { Connection: "close" } });
        assert.equal(answer.status, 202);
      }
      const uploads = async (): Promise<number> =>
        await valueOf(`http://${metricsAddress}/metrics`, "berth_registry_uploads_uncommitted");
      while ((await uploads()) < 5) await sleep(20);
      assert.equal(await uploads(), 5);
    } finally {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      rmSync(root, { recursive: true });
    }
  });
});
