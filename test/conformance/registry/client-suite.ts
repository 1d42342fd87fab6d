import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { MediaType } from "../../../oci/media-types.js";
import type { RegistryOptions } from "../../../registry/index.js";
import {
  bytesOf,
  descriptorOf,
  imageIn,
  pushBlob,
  putManifest,
  randomContent,
} from "../../integration/registry/support/content.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";

/** Much longer than this process ever stands still between two bytes. */
const IDLE_MS = 4000;
const BYTES = 20;

/** What containerd, docker, oras-go, go-containerregistry and proxies trip over, beyond what the specification says. */
export function clientSuite(start: (options?: Partial<RegistryOptions>) => Promise<TestRegistry>): void {
  let registry: TestRegistry;

  before(async () => {
    registry = await start({ trustForwarded: true });
  });

  after(async () => {
    await registry.stop();
  });

  it("gives relative Locations, and absolute ones as the proxy in front says", async () => {
    const path = "/v2/a/blobs/uploads/";
    const relative = await registry.expect(202, "POST", path);
    assert.match(relative.headers.get("Location") ?? "", /^\/v2\/a\/blobs\/uploads\/[0-9a-f-]{36}$/);
    const forwarded = { "X-Forwarded-Host": "images.example:8443, inner", "X-Forwarded-Proto": "https" };
    const absolute = await registry.expect(202, "POST", path, { headers: forwarded });
    assert.match(absolute.headers.get("Location") ?? "", /^https:\/\/images\.example:8443\/v2\/a\/blobs\/uploads\//);
    const named = await start({ url: "https://own.example/" });
    try {
      const answer = await named.expect(202, "POST", path, { headers: forwarded });
      assert.match(answer.headers.get("Location") ?? "", /^https:\/\/own\.example\/v2\/a\/blobs\/uploads\//);
    } finally {
      await named.stop();
    }
  });

  it("lets clients encode and order the query of a Location as they like", async () => {
    const blob = randomContent(100);
    const { headers } = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const query = `?ns=docker.io&digest=${encodeURIComponent(blob.digest)}&_state=x%3Dy`;
    const location = (headers.get("Location") ?? "") + query;
    const put = await registry.expect(201, "PUT", location, { body: new Uint8Array(blob.bytes) });
    assert.equal(put.headers.get("Docker-Content-Digest"), blob.digest);
  });

  it("sends an empty body where there is nothing to say, and says that it is empty", async () => {
    const image = await imageIn(registry, "empty");
    const put = await putManifest(registry, "empty", "v1", image);
    const begun = await registry.expect(202, "POST", "/v2/empty/blobs/uploads/");
    const place = begun.headers.get("Location") ?? "";
    const answers = [put, begun, await registry.expect(202, "PATCH", place, { body: "x" })];
    answers.push(await registry.expect(202, "DELETE", "/v2/empty/manifests/v1"));
    for (const answer of answers) {
      assert.equal((await bytesOf(answer)).length, 0);
      assert.equal(answer.headers.get("Content-Length"), "0");
    }
    for (const method of ["GET", "DELETE"]) {
      const answer = await registry.expect(204, method, place);
      assert.deepEqual([(await bytesOf(answer)).length, answer.headers.get("Content-Length")], [0, null]);
    }
  });

  it("never compresses and adds no charset, whatever the client would accept", async () => {
    const image = await imageIn(registry, "plain");
    await putManifest(registry, "plain", "v1", image);
    const { digest } = randomContent(1);
    const types = {
      "manifests/v1": MediaType.ociManifest,
      [`referrers/${digest}`]: MediaType.ociIndex,
      "tags/list": "application/json",
    };
    for (const [path, type] of Object.entries(types)) {
      const headers = { "Accept-Encoding": "gzip, zstd, br", Accept: "*/*;q=0.1" };
      const answer = await registry.expect(200, "GET", `/v2/plain/${path}`, { headers });
      assert.deepEqual([answer.headers.get("Content-Type"), answer.headers.get("Content-Encoding")], [type, null]);
    }
  });

  it("takes `ns` on every endpoint", async () => {
    const image = await imageIn(registry, "mirrored");
    await putManifest(registry, "mirrored", "v1?ns=docker.io", image);
    const blob = randomContent(100);
    await registry.expect(201, "POST", `/v2/mirrored/blobs/uploads/?digest=${blob.digest}&ns=docker.io`, {
      body: new Uint8Array(blob.bytes),
    });
    const paths = ["manifests/v1", `manifests/${image.digest}`, `blobs/${blob.digest}`, "tags/list"];
    for (const path of [...paths, `referrers/${image.digest}`]) {
      await registry.expect(200, "GET", `/v2/mirrored/${path}?ns=docker.io`);
    }
    await registry.expect(200, "GET", "/v2/?ns=docker.io");
    await registry.expect(200, "GET", "/v2/_catalog?ns=docker.io");
  });

  it("answers a blob that the client has, in any form of the question, with 304", async () => {
    const blob = randomContent(100);
    await pushBlob(registry, "cached", blob);
    const first = await registry.expect(200, "GET", `/v2/cached/blobs/${blob.digest}`);
    const etag = first.headers.get("ETag") ?? assert.fail("no ETag");
    assert.equal(first.headers.get("Accept-Ranges"), "bytes");
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const headers = { "If-None-Match": condition };
      const answer = await registry.expect(304, "GET", `/v2/cached/blobs/${blob.digest}`, { headers });
      assert.equal((await bytesOf(answer)).length, 0);
    }
    await registry.expect(200, "HEAD", `/v2/cached/blobs/${blob.digest}`, { headers: { Range: "bytes=900-" } });
  });

  it("takes Content-Range as Docker's and other clients write it", async () => {
    const blob = randomContent(30);
    const { headers } = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const place = headers.get("Location") ?? "";
    for (const [i, range] of ["0-9", "bytes 10-19/*", "bytes=20-29"].entries()) {
      const body = new Uint8Array(blob.bytes.subarray(i * 10, i * 10 + 10));
      await registry.expect(202, "PATCH", place, { body, headers: { "Content-Range": range } });
    }
    await registry.expect(201, "PUT", `${place}?digest=${blob.digest}`);
  });

  it("takes an upload for as long as bytes keep coming", async () => {
    const impatient = await start({ idleTimeoutMs: IDLE_MS });
    try {
      const blob = randomContent(BYTES);
      const { headers } = await impatient.expect(202, "POST", "/v2/slow/blobs/uploads/");
      const sending = httpRequest(new URL(headers.get("Location") ?? "", impatient.url), { method: "PATCH" });
      const answered = new Promise<number | undefined>((resolve, reject) => {
        sending.on("response", ({ statusCode }) => {
          resolve(statusCode);
        });
        sending.on("error", reject);
      });
      for (const byte of blob.bytes) {
        sending.write(Buffer.from([byte]));
        await sleep((1.2 * IDLE_MS) / BYTES);
      }
      sending.end();
      assert.equal(await answered, 202);
      await impatient.expect(201, "PUT", `${headers.get("Location") ?? ""}?digest=${blob.digest}`);
    } finally {
      await impatient.stop();
    }
  });

  it("keeps the children of an index pullable by digest alone when the tags are gone", async () => {
    const [child, other] = [await imageIn(registry, "multi"), await imageIn(registry, "multi")];
    for (const image of [child, other]) await putManifest(registry, "multi", image.digest, image);
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [child, other].map(descriptorOf) }));
    // buildx of old leaves mediaType out: the Content-Type then says what it is.
    const index = { mediaType: MediaType.ociIndex, bytes };
    const put = await registry.expect(201, "PUT", "/v2/multi/manifests/latest", {
      body: new Uint8Array(index.bytes),
      headers: { "Content-Type": index.mediaType },
    });
    await registry.expect(202, "DELETE", "/v2/multi/manifests/latest");
    const answer = await registry.expect(200, "GET", put.headers.get("Location") ?? "");
    assert.equal(answer.headers.get("Content-Type"), MediaType.ociIndex);
    for (const { digest } of [child, other]) await registry.expect(200, "GET", `/v2/multi/manifests/${digest}`);
  });

  it("has an error body of its own for every refusal", async () => {
    const refusals: [status: number, code: string, method: string, path: string, init?: RequestInit][] = [
      [404, "NAME_UNKNOWN", "GET", "/v2/no/such/tags/list"],
      [404, "NAME_UNKNOWN", "GET", "/v1/_ping"],
      [400, "NAME_INVALID", "GET", "/v2/No/tags/list"],
      [400, "TAG_INVALID", "PUT", "/v2/a/manifests/-x", { body: "{}" }],
      [400, "PAGINATION_NUMBER_INVALID", "GET", "/v2/a/tags/list?n=-1"],
      [400, "BLOB_UPLOAD_INVALID", "PATCH", "", { headers: { "Content-Range": "9-1" }, body: "x" }],
      [400, "SIZE_INVALID", "PATCH", "", { headers: { "Content-Range": "0-9" }, body: "x" }],
      [405, "UNSUPPORTED", "PUT", "/v2/a/tags/list"],
      [413, "SIZE_INVALID", "PUT", "/v2/a/manifests/b", { body: Buffer.alloc(5_000_000) }],
      [416, "RANGE_INVALID", "PATCH", "", { headers: { "Content-Range": "5-5" }, body: "x" }],
    ];
    const { headers } = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    for (const [status, code, method, path, init] of refusals) {
      const answer = await registry.expectError(status, code, method, path || (headers.get("Location") ?? ""), init);
      assert.equal(answer.headers.get("Content-Type"), "application/json");
    }
  });
}
