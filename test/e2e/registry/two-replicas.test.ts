import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { collectGarbage } from "../../../registry/collector/collect.js";
import { BlobStore } from "../../../registry/storage/blob-store.js";
import { UploadRegistry } from "../../../registry/uploads/upload-registry.js";
import { openStore } from "../../../storage/open-store.js";
import { BERTH } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { freePort } from "../../helpers/free-port.js";
import { objectsAt, s3Client, unfinishedUploadsAt } from "../../helpers/s3-server/s3-inspection.js";
import { S3_SERVER, s3Server, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { ContendingClients } from "./contending-clients.js";
import { ON_ANOTHER_HOST, registryVerb, ServedRegistry } from "./served-registry.js";
import { onBucket } from "./store-config.js";

/** Less than a push takes now and then. */
const GRACE = ["--grace", "1s"];
const REPLICA_LIVES_MS = 5000;
const COLLECTOR_LIVES_MS = 10_000;

describeWith([...S3_SERVER, asRoot, program("/usr/bin/unshare")], "two replicas on one bucket", () => {
  let directory: string;
  let config: string;
  let place: S3Place;
  let replicas: readonly ServedRegistry[];
  const collectors = new Set<ChildProcess>();

  before(async () => {
    await s3Server();
    directory = mkdtempSync(join(tmpdir(), "berth-replicas-"));
    ({ config, place } = await onBucket(directory));
    replicas = await Promise.all(
      [1, 2].map(async () => new ServedRegistry(config, `127.0.0.1:${String(await freePort())}`, ON_ANOTHER_HOST)),
    );
    await Promise.all(replicas.map(async (replica) => await replica.start()));
  });

  after(async () => {
    for (const child of collectors) child.kill("SIGKILL");
    for (const replica of replicas) await replica.kill();
    rmSync(directory, { recursive: true });
  });

  /** `berth registry gc`; resolves to its exit code, null when it was killed. */
  async function collect(livesMs?: number): Promise<unknown> {
    const command = [
      ...ON_ANOTHER_HOST,
      process.execPath,
      BERTH,
      "registry",
      "gc",
      "--config",
      config,
      ...GRACE,
    ] as const;
    const child = spawn(command[0] ?? "", command.slice(1), { stdio: "ignore" });
    collectors.add(child);
    const ended = once(child, "exit");
    if (livesMs !== undefined) {
      await Promise.race([sleep(livesMs), ended]);
      child.kill("SIGKILL");
    }
    const [code] = (await ended) as unknown[];
    collectors.delete(child);
    return code;
  }

  it("lose nothing that was acknowledged, and serve no broken image, under push, pull, delete, gc and kill -9", async function () {
    this.timeout(1200_000);
    const store = await openStore({ s3: place });
    const { staleForMs } = store.traits;
    await store.close();
    const clients = new ContendingClients(
      replicas.map(({ url }) => url),
      ContendingClients.layers(8),
    );
    const first = await Promise.all(Array.from({ length: 6 }, async () => await clients.push()));
    for (const image of first) clients.kept.add(image);
    for (let i = 0; i < 3; i++) await clients.deleteOne();
    const ending = new AbortController();
    let kills = 0;
    const killReplicas = async (): Promise<void> => {
      for (let i = 0; !ending.signal.aborted; i++) {
        await sleep(REPLICA_LIVES_MS * (0.5 + Math.random()));
        const replica = replicas[i % 2];
        await replica?.kill();
        await replica?.start();
        kills++;
      }
    };
    const killCollectors = async (): Promise<void> => {
      while (!ending.signal.aborted) await collect(COLLECTOR_LIVES_MS * Math.random());
    };
    // One that is left alone, from the first step to the last: its run is as long as the test.
    const hasSeenEnough = (): boolean =>
      clients.kept.size > 10 && clients.deleted.size > 3 && clients.pulls > 10 && kills > 3;
    const undisturbed = collect().then(async (code) => {
      assert.equal(code, 0);
      await waitUntil("enough has happened", hasSeenEnough);
      ending.abort();
      clients.stop();
    });
    await Promise.all([
      undisturbed,
      killReplicas(),
      killCollectors(),
      ...Array.from({ length: 2 }, async () => await clients.pushAndDelete()),
      ...Array.from({ length: 2 }, async () => await clients.pull()),
    ]);
    for (const { url } of replicas) {
      await Promise.all([...clients.kept].map(async (image) => await clients.assertWhole(image, url)));
      await Promise.all([...clients.deleted].map(async (image) => await clients.assertGone(image, url, staleForMs)));
    }
    await Promise.all(replicas.map(async (replica) => await replica.stop()));
    await assertNothingLeft(clients);
    assert.equal(await registryVerb("scrub", config), "", "nothing is damaged");
  });

  /** Collects what the killed ones have left, without the waiting that is for the sake of other processes: there are none. */
  async function assertNothingLeft({ kept }: ContendingClients): Promise<void> {
    const store = await openStore({ s3: place });
    Object.assign(store, { traits: { ...store.traits, staleForMs: 0 } });
    const uploads = new UploadRegistry(store, new BlobStore(store), { leaseMs: 1000 });
    const client = s3Client(place);
    const keysBelow = async (top: string): Promise<number> =>
      (await objectsAt(client, place)).filter((key) => key.startsWith(`${place.prefix}${top}`)).length;
    try {
      // From here nobody can tell that a replica of another host is dead: what it held is free a lease later.
      for (let i = 0; (await keysBelow("uploads/")) > 0; i++) {
        assert.ok(i < 300, "uploads of the killed ones do not end");
        await sleep(100);
        await uploads.expire(0);
      }
      await collectGarbage(store, { graceMs: 0, untaggedGraceMs: 0 });
      await store.sweepUploads?.(0);
      const needed = new Set([...kept].flatMap(({ manifest, blobs }) => [manifest, ...blobs].map((it) => it.digest)));
      assert.equal(await keysBelow("data/"), needed.size, "the bytes of what is kept, once each");
      assert.deepEqual(await unfinishedUploadsAt(client, place), []);
    } finally {
      client.destroy();
      await uploads.close();
      await store.close();
    }
  }
});
