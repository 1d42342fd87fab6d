import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { MediaType } from "../../../oci/media-types.js";
import { collectGarbage } from "../../../registry/collector/collect.js";
import { keys } from "../../../registry/storage/key-tree.js";
import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import { describeWith } from "../../helpers/capabilities.js";
import { S3Proxy } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";
import {
  descriptorOf,
  documentOf,
  putManifest,
  randomContent,
  type Content,
  type Described,
} from "../registry/support/content.js";
import { TestRegistry } from "../registry/support/test-registry.js";

const LAYERS = 4;
const LAYER_BYTES = 1_000_000;
const NAME = "team/image";
const HOUR_MS = 3600_000;

interface Pushed {
  readonly blobs: readonly Content[];
  readonly manifest: Described;
}

/** What docker, podman and skopeo do, counted before the server: what each step asks of the bucket is held as a bound. */
describeWith(S3_SERVER, "requests to a bucket", () => {
  let place: S3Place;
  let proxy: S3Proxy;
  let stores: S3ObjectStore[];
  let registry: TestRegistry;

  const started = async (): Promise<TestRegistry> => {
    const settings = { ...place, endpoint: proxy.endpoint, publicEndpoint: place.endpoint };
    const store = await S3ObjectStore.open(settings, { probe: false });
    stores.push(store);
    // However slow the machine is: nothing that was read is read again, and no claim is renewed.
    Object.assign(store, { traits: { ...store.traits, staleForMs: HOUR_MS } });
    return await TestRegistry.start({ store, schedules: false, uploadLeaseMs: HOUR_MS });
  };

  beforeEach(async () => {
    place = await s3Place();
    proxy = await S3Proxy.start(place.endpoint);
    stores = [];
    registry = await started();
    proxy.reset();
  });

  afterEach(async () => {
    await registry.stop();
    await Promise.all(stores.map(async (store) => await store.close()));
    await proxy.stop();
  });

  const chunked = async (at: TestRegistry, name: string, { bytes, digest }: Content): Promise<void> => {
    const begun = await at.expect(202, "POST", `/v2/${name}/blobs/uploads/`);
    const body = { body: new Uint8Array(bytes) };
    const sent = await at.expect(202, "PATCH", begun.headers.get("Location") ?? "", body);
    await at.expect(201, "PUT", `${sent.headers.get("Location") ?? ""}?digest=${digest}`);
  };

  const pushImage = async (at: TestRegistry): Promise<Pushed> => {
    const blobs = [randomContent(1024), ...Array.from({ length: LAYERS }, () => randomContent(LAYER_BYTES))];
    for (const blob of blobs) await chunked(at, NAME, blob);
    const [config, ...layers] = blobs.map((blob) => ({ mediaType: MediaType.ociLayerGzip, ...blob }));
    assert.ok(config);
    const manifest = documentOf(MediaType.ociManifest, {
      config: descriptorOf({ ...config, mediaType: MediaType.ociConfig }),
      layers: layers.map(descriptorOf),
    });
    await putManifest(at, NAME, "latest", manifest);
    return { blobs, manifest };
  };

  const pullImage = async (at: TestRegistry, { blobs, manifest }: Pushed): Promise<void> => {
    await at.expect(200, "HEAD", `/v2/${NAME}/manifests/latest`);
    await at.expect(200, "GET", `/v2/${NAME}/manifests/${manifest.digest}`);
    for (const { digest } of blobs) await at.expect(307, "GET", `/v2/${NAME}/blobs/${digest}`, { redirect: "manual" });
  };

  /** Of what was asked since the last call. Remainders are deleted later, those of several uploads at once. */
  const asked = (): { readonly at: Record<string, number>; readonly total: number; readonly deletions: number } => {
    const { DeleteObject = 0, DeleteObjects = 0, ...at } = proxy.counts();
    proxy.reset();
    const total = Object.values(at).reduce((sum, n) => sum + n, 0);
    return { at, total, deletions: DeleteObject + DeleteObjects };
  };

  const requestsOfPage = async (path: string): Promise<number> => {
    asked();
    await registry.expect(200, "GET", path);
    return asked().total;
  };

  it("a blob by POST, PATCH and PUT: 5 for the session, 4 for the blob", async () => {
    await chunked(registry, NAME, randomContent(LAYER_BYTES));
    const { at, total, deletions } = asked();
    assert.ok(total <= 9 && deletions <= 1, JSON.stringify(at));
    // What is small enough is kept in the session's own entry.
    await chunked(registry, NAME, randomContent(1000));
    assert.ok(asked().total <= 8);
  });

  it("a blob in one POST: its announcement, its bytes, its pointer and its link", async () => {
    const { bytes, digest } = randomContent(LAYER_BYTES);
    const body = { body: new Uint8Array(bytes) };
    await registry.expect(201, "POST", `/v2/${NAME}/blobs/uploads/?digest=${digest}`, body);
    assert.deepEqual(asked().at, { PutObject: 4 });
  });

  it("an image of 5 blobs is pushed for 59, and pulled for its tag alone where it was pushed", async () => {
    const image = await pushImage(registry);
    const push = asked();
    assert.ok(push.total <= 59 && push.deletions <= 5, JSON.stringify(push));
    await pullImage(registry, image);
    assert.deepEqual(asked().at, { GetObject: 1 });
  });

  it("the same image under another tag costs no look at its blobs", async () => {
    const { manifest } = await pushImage(registry);
    asked();
    await putManifest(registry, NAME, "again", manifest);
    assert.deepEqual(asked().at, { HeadObject: 2, PutObject: 1 });
  });

  it("a page of the catalog is a listing, in ASCII order though the bucket's is another", async () => {
    const [store] = stores;
    const names = ["a", "a-b", "a-b/c", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "b"];
    for (const name of names) await store?.put(`repos/${name.replaceAll("/", "!")}/tags/v1`, Buffer.from(""));
    asked();
    const found: string[] = [];
    let pages = 0;
    for (let path: string | undefined = "/v2/_catalog?n=2"; path !== undefined; pages++) {
      const answer = await registry.expect(200, "GET", path);
      found.push(...((await answer.json()) as { repositories: string[] }).repositories);
      path = /^<(.+)>/.exec(answer.headers.get("Link") ?? "")?.[1];
    }
    assert.deepEqual(found, names);
    assert.deepEqual(Object.keys(asked().at), ["ListObjectsV2"]);
    const walked = await requestsOfPage("/v2/_catalog?n=3");
    assert.ok(pages === 5 && walked === 1, `${String(pages)} pages, ${String(walked)} requests`);
  });

  it("bytes that nobody claims any more are deleted in one request", async () => {
    const [store] = stores;
    assert.ok(store);
    for (let i = 0; i < 30; i++) await store.put(keys.data(randomUUID()), Buffer.from("x"));
    Object.assign(store, { traits: { ...store.traits, staleForMs: 0 } });
    asked();
    const report = await collectGarbage(store, { graceMs: 0 });
    const { at, deletions } = asked();
    assert.deepEqual([report.orphans, deletions, at["HeadObject"]], [30, 1, 30]);
  });

  it("an image is pulled first at another replica for 5, however many blobs it has, and then for its tag", async () => {
    const image = await pushImage(registry);
    const other = await started();
    try {
      asked();
      await pullImage(other, image);
      const first = asked();
      assert.ok(first.total <= 5, JSON.stringify(first));
      await pullImage(other, image);
      assert.deepEqual(asked().at, { GetObject: 1 });
    } finally {
      await other.stop();
    }
  });
});
