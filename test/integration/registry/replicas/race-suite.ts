import assert from "node:assert/strict";

import { bytesOf, imageIn, pushBlob, putManifest, randomContent } from "../support/content.js";
import { ReplicaSet, type SharedMedium } from "./replica-set.js";

const IMAGES = 6;

export function describeRacesAcrossReplicas(name: string, make: () => Promise<SharedMedium>): void {
  describe(`races across replicas: ${name}`, () => {
    let replicas: ReplicaSet;

    beforeEach(async () => {
      replicas = await ReplicaSet.start(await make());
    });

    afterEach(async () => {
      await replicas.stop();
    });

    it("loses no tag of many pushed at once, and a tag pushed by all names one of them on all", async () => {
      const images = await Promise.all(
        Array.from({ length: IMAGES }, async (_, i) => await imageIn(replicas.registry(i % 3), "a/b", { i })),
      );
      await Promise.all(
        images.flatMap((image, i) => [
          putManifest(replicas.registry((i + 1) % 3), "a/b", `own-${String(i)}`, image),
          putManifest(replicas.registry((i + 2) % 3), "a/b", "shared", image),
        ]),
      );
      const shared = new Set<string>();
      for (const registry of replicas.registries) {
        const { tags } = (await (await registry.expect(200, "GET", "/v2/a/b/tags/list")).json()) as { tags: string[] };
        assert.deepEqual(tags, [...images.map((_, i) => `own-${String(i)}`), "shared"]);
        for (const [i, { bytes }] of images.entries()) {
          const answer = await registry.expect(200, "GET", `/v2/a/b/manifests/own-${String(i)}`);
          assert.ok((await bytesOf(answer)).equals(bytes));
        }
        const answer = await registry.expect(200, "HEAD", "/v2/a/b/manifests/shared");
        shared.add(answer.headers.get("Docker-Content-Digest") ?? "");
      }
      assert.equal(shared.size, 1);
      assert.ok(images.some(({ digest }) => shared.has(digest)));
    });

    it("keeps one copy of a blob that all push at once, and all serve it", async () => {
      const blob = randomContent(300_000);
      await Promise.all(
        Array.from({ length: 9 }, async (_, i) => {
          await pushBlob(replicas.registry(i % 3), `r${String(i)}`, blob);
        }),
      );
      for (let i = 0; i < 9; i++) {
        const path = `/v2/r${String(i)}/blobs/${blob.digest}`;
        const answer = await replicas.registry((i + 1) % 3).expect(200, "GET", path);
        assert.ok((await bytesOf(answer)).equals(blob.bytes));
      }
      assert.equal((await replicas.keys("data/")).length, 1);
    });

    it("serves every blob whose mount was answered, whatever is deleted at its source meanwhile", async () => {
      const blobs = Array.from({ length: 6 }, () => randomContent(1000));
      for (const blob of blobs) await pushBlob(replicas.registry(0), "source", blob);
      await Promise.all(
        blobs.map(async ({ digest, bytes }, i) => {
          const [mounting, deleting, reading] = [0, 1, 2].map((n) => replicas.registry((i + n) % 3));
          assert.ok(mounting && deleting && reading);
          const [mount] = await Promise.all([
            mounting.fetch("POST", `/v2/target/blobs/uploads/?mount=${digest}&from=source`),
            deleting.expect(202, "DELETE", `/v2/source/blobs/${digest}`),
          ]);
          await replicas.untilGone(reading, `/v2/source/blobs/${digest}`);
          assert.ok(mount.status === 201 || mount.status === 202, String(mount.status));
          if (mount.status === 201) {
            const answer = await reading.expect(200, "GET", `/v2/target/blobs/${digest}`);
            assert.ok((await bytesOf(answer)).equals(bytes));
          }
        }),
      );
    });

    it("serves nothing of a manifest that one deletes while others read it, but whole or not at all", async () => {
      const image = await imageIn(replicas.registry(0), "a/b");
      await putManifest(replicas.registry(0), "a/b", "t", image);
      const reading = new AbortController();
      const readers = replicas.registries.map(async (registry) => {
        while (!reading.signal.aborted) {
          const answer = await registry.fetch("GET", "/v2/a/b/manifests/t");
          if (answer.status === 200) assert.ok((await bytesOf(answer)).equals(image.bytes));
          else assert.equal(answer.status, 404);
        }
      });
      await replicas.registry(1).expect(202, "DELETE", `/v2/a/b/manifests/${image.digest}`);
      reading.abort();
      await Promise.all(readers);
      for (const registry of replicas.registries) {
        await registry.expect(404, "GET", "/v2/a/b/manifests/t");
        await replicas.untilGone(registry, `/v2/a/b/manifests/${image.digest}`);
      }
    });
  });
}
