import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BerthError } from "../../../oci/errors.js";
import { MediaType } from "../../../oci/media-types.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import {
  descriptorOf,
  documentOf,
  imageIn,
  pushBlob,
  putManifest,
  randomContent,
  type Described,
} from "./support/content.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { mirrorSettings } from "./mirror/support/mirror-rig.js";
import { as, basic, GuardedRegistry } from "./auth/support/guarded-registry.js";
import { SmallDisk } from "./support/small-disk.js";
import { TestRegistry } from "./support/test-registry.js";

/** A digest and an upload that nobody has. */
const NOBODYS = `sha256:${"0".repeat(64)}`;
const NO_UPLOAD = "00000000-0000-4000-8000-000000000000";

describe("openapi.yaml", () => {
  let disk: SmallDisk;
  let registry: TestRegistry;

  before(async () => {
    disk = new SmallDisk(4096);
    registry = await TestRegistry.start({ root: join(disk.directory, "store"), manifestBytes: 10_000 });
  });

  after(async () => {
    try {
      await registry.stop();
    } finally {
      disk.remove();
    }
  });

  const begin = async (name = "a"): Promise<string> => {
    const answer = await registry.expect(202, "POST", `/v2/${name}/blobs/uploads/`);
    return answer.headers.get("Location") ?? "";
  };

  it("describes every answer of the blob endpoints", async () => {
    const blob = randomContent(1000);
    const path = `/v2/a/blobs/${blob.digest}`;
    await registry.expectError(404, "BLOB_UNKNOWN", "GET", path);
    await registry.expect(404, "HEAD", path);
    await pushBlob(registry, "a", blob);
    await registry.expect(200, "HEAD", path);
    await registry.expect(400, "HEAD", "/v2/a/blobs/sha256:1");
    await registry.expect(200, "GET", path);
    await registry.expect(206, "GET", path, { headers: { Range: "bytes=1-2" } });
    await registry.expect(206, "GET", path, { headers: { Range: "bytes=1-2,5-6" } });
    await registry.expect(304, "GET", path, { headers: { "If-None-Match": `"${blob.digest}"` } });
    await registry.expectError(416, "RANGE_INVALID", "GET", path, { headers: { Range: "bytes=1000-" } });
    await registry.expectError(400, "DIGEST_INVALID", "GET", "/v2/a/blobs/nothing");
    await registry.expect(202, "DELETE", path);
    await registry.expectError(404, "BLOB_UNKNOWN", "DELETE", path);
    await registry.expectError(400, "NAME_INVALID", "DELETE", `/v2/A/blobs/${blob.digest}`);
  });

  it("describes every answer of the upload endpoints", async () => {
    await registry.expectError(400, "DIGEST_INVALID", "POST", "/v2/a/blobs/uploads/?digest=md5:1", { body: "x" });
    const location = await begin();
    await registry.expect(202, "PATCH", location, { body: "0123", headers: { "Content-Range": "0-3" } });
    await registry.expect(204, "GET", location);
    await registry.expectError(416, "RANGE_INVALID", "PATCH", location, {
      body: "4567",
      headers: { "Content-Range": "5-8" },
    });
    await registry.expectError(400, "BLOB_UPLOAD_INVALID", "PATCH", location, {
      body: "4567",
      headers: { "Content-Range": "4567" },
    });
    await registry.expectError(400, "DIGEST_INVALID", "PUT", location);
    await registry.expectError(416, "RANGE_INVALID", "PUT", `${location}?digest=${NOBODYS}`, {
      body: "4567",
      headers: { "Content-Range": "5-8" },
    });
    for (const method of ["GET", "DELETE"]) {
      await registry.expectError(400, "NAME_INVALID", method, `/v2/A/blobs/uploads/${NO_UPLOAD}`);
    }
    const { digest } = randomContent(4);
    const whole = await begin();
    await registry.expectError(400, "DIGEST_INVALID", "PUT", `${whole}?digest=${digest}`, { body: "0123" });
    await registry.expect(204, "DELETE", location);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const init = method === "PATCH" ? { body: "x" } : {};
      await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", method, `/v2/a/blobs/uploads/${NO_UPLOAD}`, init);
    }
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PUT", `/v2/a/blobs/uploads/${NO_UPLOAD}?digest=${digest}`);
    const good = randomContent(10);
    await registry.expect(201, "PUT", `${await begin()}?digest=${good.digest}`, { body: new Uint8Array(good.bytes) });
  });

  it("describes every answer of the manifest endpoints", async () => {
    const image = await imageIn(registry, "b");
    const path = `/v2/b/manifests/${image.digest}`;
    await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", path);
    await registry.expect(404, "HEAD", path);
    await putManifest(registry, "b", image.digest, image);
    await registry.expect(201, "PUT", `${path}?tag=one&tag=two`, {
      body: new Uint8Array(image.bytes),
      headers: { "Content-Type": image.mediaType },
    });
    await registry.expect(200, "HEAD", "/v2/b/manifests/two");
    await registry.expect(200, "GET", path);
    await registry.expect(304, "GET", path, { headers: { "If-None-Match": `"${image.digest}"` } });
    await registry.expectError(400, "DIGEST_INVALID", "GET", "/v2/b/manifests/sha256:0");
    await registry.expect(400, "HEAD", "/v2/b/manifests/sha256:0");
    await registry.expectError(400, "MANIFEST_INVALID", "PUT", "/v2/b/manifests/x", { body: "{" });
    await putManifest(registry, "c", "x", image, 404);
    await putManifest(registry, "b", "large", documentOf("application/x.test", { text: "x".repeat(10_000) }), 413);
    const about: Described = await imageIn(registry, "b", { subject: descriptorOf(image) });
    const { headers } = await putManifest(registry, "b", "about", about);
    assert.equal(headers.get("OCI-Subject"), image.digest);
    await registry.expect(200, "GET", `/v2/b/referrers/${image.digest}`);
    await registry.expect(200, "GET", `/v2/b/referrers/${image.digest}?artifactType=${MediaType.ociConfig}`);
    await registry.expectError(400, "DIGEST_INVALID", "GET", "/v2/b/referrers/latest");
    await registry.expect(200, "GET", "/v2/b/tags/list?n=1");
    await registry.expectError(400, "PAGINATION_NUMBER_INVALID", "GET", "/v2/b/tags/list?n=-1");
    await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/nothing/tags/list");
    await registry.expect(200, "GET", "/v2/_catalog");
    await registry.expectError(400, "PAGINATION_NUMBER_INVALID", "GET", "/v2/_catalog?n=x");
    await registry.expect(200, "GET", "/v2/");
    await registry.expect(202, "DELETE", path);
    await registry.expectError(404, "MANIFEST_UNKNOWN", "DELETE", path);
    await registry.expectError(400, "DIGEST_INVALID", "DELETE", "/v2/b/manifests/sha256:1");
  });

  it("describes what is answered when the disk is full", async () => {
    const image = await imageIn(registry, "d");
    const [chunked, whole] = [await begin("d"), await begin("d")];
    const large = randomContent(6_000_000);
    const body = (): RequestInit => ({ body: new Uint8Array(large.bytes) });
    await registry.expectError(507, "UNAVAILABLE", "POST", `/v2/d/blobs/uploads/?digest=${large.digest}`, body());
    await registry.expectError(507, "UNAVAILABLE", "PATCH", chunked, body());
    await registry.expectError(507, "UNAVAILABLE", "PUT", `${whole}?digest=${large.digest}`, body());
    const ballast = join(disk.directory, "ballast");
    assert.throws(() => {
      writeFileSync(ballast, large.bytes);
    }, /ENOSPC/);
    await putManifest(registry, "d", "v1", image, 507);
    rmSync(ballast);
    // And the service goes on by itself.
    await putManifest(registry, "d", "v1", image);
    await registry.expect(202, "PATCH", chunked, { body: "0123" });
  });

  it("describes every answer to callers who may not", async () => {
    const options = { observe: registry.recorder.observe };
    const guarded = await GuardedRegistry.start({ failures: { attempts: 1, windowSeconds: 300 } }, options);
    try {
      await guarded.registry.expect(200, "GET", "/.well-known/jwks.json");
      const locked = { headers: { Authorization: basic("alice", "wrong") } };
      await guarded.registry.expect(401, "GET", "/v2/", locked);
      await guarded.registry.expectError(429, "TOOMANYREQUESTS", "GET", "/v2/", locked);
      for (const [method, path] of [
        ["GET", "/v2/_catalog"],
        ["GET", "/v2/a/tags/list"],
        ["GET", `/v2/a/referrers/${NOBODYS}`],
        ...["HEAD", "GET", "DELETE"].map((method) => [method, `/v2/a/blobs/${NOBODYS}`] as const),
        ...["HEAD", "GET", "PUT", "DELETE"].map((method) => [method, "/v2/a/manifests/v1"] as const),
        ["POST", "/v2/a/blobs/uploads/"],
        ...["GET", "PATCH", "PUT", "DELETE"].map((method) => [method, `/v2/a/blobs/uploads/${NO_UPLOAD}`] as const),
      ] as const) {
        await guarded.registry.expect(401, method, path);
        await guarded.registry.expect(403, method, path, as("carol"));
        await guarded.registry.expect(429, method, path, locked);
      }
      await guarded.registry.expect(200, "GET", "/token", as("bob"));
      const form = (fields: Record<string, string>): RequestInit => ({ body: new URLSearchParams(fields) });
      const password = { grant_type: "password", username: "bob", password: "bob-password" };
      await guarded.registry.expect(200, "POST", "/token", form(password));
      await guarded.registry.expect(413, "POST", "/token", { body: "x".repeat(100_000) });
      await guarded.registry.expect(400, "GET", "/token?service=another");
      await guarded.registry.expect(400, "POST", "/token", form({}));
      await guarded.registry.expect(429, "GET", "/token", locked);
      await guarded.registry.expect(429, "POST", "/token", form({ ...password, username: "alice" }));
      const unknown = { ...password, username: "nobody" };
      await guarded.registry.expect(401, "POST", "/token", form(unknown));
      await guarded.registry.expect(401, "GET", "/token", {
        headers: { Authorization: basic("carol", "wrong") },
      });
    } finally {
      await guarded.stop();
    }
  });

  it("describes what policies refuse, and what probes are told", async () => {
    const rule = { repositories: ["p"], immutableTags: ["v*"] };
    const ruled = await TestRegistry.start({ policies: [rule], observe: registry.recorder.observe });
    try {
      const [image, other] = [await imageIn(ruled, "p"), await imageIn(ruled, "p")];
      await putManifest(ruled, "p", "v1", image);
      await putManifest(ruled, "p", "v1", other, 409);
      await ruled.expectError(409, "DENIED", "DELETE", "/v2/p/manifests/v1");
      const { config } = JSON.parse(image.bytes.toString()) as { config: { digest: string } };
      await ruled.expectError(409, "DENIED", "DELETE", `/v2/p/blobs/${config.digest}`);
      await ruled.expect(200, "GET", "/livez");
      await ruled.expect(200, "GET", "/readyz");
      ruled.drain();
      await ruled.expect(503, "GET", "/readyz");
      await ruled.expect(200, "GET", "/v2/", { headers: { "X-Request-Id": "from-a-proxy" } });
    } finally {
      await ruled.stop();
    }
  });

  it("describes the answer that sends a client to the store", async () => {
    const store = await FilesystemObjectStore.open(join(disk.directory, "with-urls"));
    const away: ObjectStore = Object.assign(store, {
      presign: async (key: string) => await Promise.resolve(`https://store.test/${key}`),
    });
    const redirecting = await TestRegistry.start({ store: away, observe: registry.recorder.observe });
    try {
      const blob = randomContent(1000);
      await pushBlob(redirecting, "a", blob);
      const answer = await redirecting.expect(307, "GET", `/v2/a/blobs/${blob.digest}`, { redirect: "manual" });
      assert.match(answer.headers.get("Location") ?? "", /^https:\/\/store\.test\/data\//);
    } finally {
      await redirecting.stop();
    }
  });

  it("describes what is answered when the store does not answer", async () => {
    const store = await FilesystemObjectStore.open(disk.directory);
    const away = await TestRegistry.start({ store, observe: registry.recorder.observe });
    const failing = async (): Promise<never> =>
      await Promise.reject(new BerthError("UNAVAILABLE", "the bucket did not answer: ECONNREFUSED"));
    Object.assign(store, { list: failing, put: failing });
    try {
      for (const [method, path] of [
        ["GET", "_catalog"],
        ["POST", "a/blobs/uploads/"],
        ...["GET", "PATCH", "PUT", "DELETE"].map(
          (it) => [it, `a/blobs/uploads/${NO_UPLOAD}?digest=${NOBODYS}`] as const,
        ),
        ["DELETE", `a/blobs/${NOBODYS}`],
        ["DELETE", `a/manifests/${NOBODYS}`],
      ] as const) {
        const answer = await away.expectError(503, "UNAVAILABLE", method, `/v2/${path}`);
        assert.match(answer.headers.get("Retry-After") ?? "", /^[1-9]/);
      }
      await putManifest(away, "a", "v1", documentOf(MediaType.ociIndex, { manifests: [] }), 503);
    } finally {
      await away.stop();
      await store.close();
    }
  });

  it("describes what is answered about repositories of upstreams that fail, and that these cannot be written to", async () => {
    const hung = await new ScriptedRegistry().start();
    hung.script = ({ url }) => url !== "/v2/";
    const gone = ["a", "b", "c", "d", "e", "f"].map((name) => ({
      name,
      url: "http://127.0.0.1:9",
      namespaces: [name],
    }));
    const slow = { name: "slow", url: `http://${hung.address}`, timeouts: { answerSeconds: 1 } };
    const mirror = await TestRegistry.start({
      observe: registry.recorder.observe,
      mirrors: mirrorSettings({ upstreams: [...gone, slow] }),
    });
    /** @param upstreams for each request one, or one for all: an upstream that fails again and again is left alone. */
    const readAll = async (status: number, upstreams: readonly string[]): Promise<void> => {
      const [tag, blob] = ["manifests/v1", `blobs/${NOBODYS}`];
      const reads = [tag, blob, "tags/list", `referrers/${NOBODYS}`].map((path) => ["GET", path] as const);
      const all = [...reads, ["HEAD", tag] as const, ["HEAD", blob] as const];
      await Promise.all(
        all.map(async ([method, path], i) => {
          await mirror.expect(status, method, `/v2/${upstreams[i % upstreams.length] ?? ""}/x/${path}`);
        }),
      );
    };
    try {
      const names = gone.map(({ name }) => name);
      await readAll(502, names);
      for (let i = 0; i < 2; i++) await mirror.expect(502, "GET", "/v2/a/x/manifests/v1");
      await readAll(503, ["a"]);
      await readAll(504, ["slow"]);
      for (const [method, path] of [
        ["POST", "blobs/uploads/"],
        ...["GET", "PATCH", "PUT", "DELETE"].map((method) => [method, `blobs/uploads/${NO_UPLOAD}`] as const),
        ["PUT", "manifests/v1"],
        ["DELETE", "manifests/v1"],
        ["DELETE", `blobs/${NOBODYS}`],
      ] as const) {
        await mirror.expectError(405, "UNSUPPORTED", method, `/v2/a/x/${path}`);
      }
      await mirror.expectError(404, "NAME_UNKNOWN", "POST", "/v2/x/blobs/uploads/?ns=elsewhere.example");
    } finally {
      await mirror.stop();
      await hung.stop();
    }
  });

  it("promises no answer that the server does not give", () => {
    assert.deepEqual(registry.recorder.neverSeen, []);
  });
});
