import assert from "node:assert/strict";

import {
  bytesOf,
  contentOf,
  pushBlob,
  randomContent,
  type Content,
} from "../../integration/registry/support/content.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";

const BASE = "/v2/conformance/blobs";

/** OCI distribution-spec v1.1, "Pushing blobs" and "Pulling blobs": what any store must pass. */
export function blobSuite(start: () => Promise<TestRegistry>): void {
  let registry: TestRegistry;

  before(async () => {
    registry = await start();
  });

  after(async () => {
    await registry.stop();
  });

  const begin = async (query = ""): Promise<string> => {
    const answer = await registry.expect(202, "POST", `${BASE}/uploads/${query}`);
    assert.equal(answer.headers.get("Range"), "0-0");
    assert.match(answer.headers.get("Docker-Upload-UUID") ?? "", /^[0-9a-f-]{36}$/);
    assert.equal((await bytesOf(answer)).length, 0);
    return answer.headers.get("Location") ?? assert.fail("no Location");
  };

  const patch = async (location: string, bytes: Buffer, range?: string, status = 202): Promise<Response> =>
    await registry.expect(status, "PATCH", location, {
      body: new Uint8Array(bytes),
      headers: { "Content-Type": "application/octet-stream", ...(range !== undefined && { "Content-Range": range }) },
    });

  const pulls = async ({ digest, bytes }: Content, name = "conformance"): Promise<void> => {
    const head = await registry.expect(200, "HEAD", `/v2/${name}/blobs/${digest}`);
    assert.equal(head.headers.get("Content-Length"), String(bytes.length));
    assert.equal(head.headers.get("Docker-Content-Digest"), digest);
    const answer = await registry.expect(200, "GET", `/v2/${name}/blobs/${digest}`);
    assert.deepEqual(await bytesOf(answer), bytes);
  };

  it("takes a blob in a single POST", async () => {
    const blob = randomContent(5000);
    const answer = await registry.expect(201, "POST", `${BASE}/uploads/?digest=${blob.digest}`, {
      body: new Uint8Array(blob.bytes),
    });
    assert.equal(answer.headers.get("Location"), `${BASE}/${blob.digest}`);
    assert.equal(answer.headers.get("Docker-Content-Digest"), blob.digest);
    await pulls(blob);
  });

  it("takes a blob by POST and PUT", async () => {
    const blob = randomContent(300_000);
    await registry.expect(201, "PUT", `${await begin()}?digest=${blob.digest}`, { body: new Uint8Array(blob.bytes) });
    await pulls(blob);
    assert.deepEqual(registry.files("uploads"), []);
  });

  it("takes a blob in chunks, the last of them with the PUT", async () => {
    const blob = randomContent(30_000);
    const location = await begin();
    const first = await patch(location, blob.bytes.subarray(0, 10_000), "0-9999");
    assert.equal(first.headers.get("Range"), "0-9999");
    const second = await patch(first.headers.get("Location") ?? "", blob.bytes.subarray(10_000, 20_000), "10000-19999");
    assert.equal(second.headers.get("Range"), "0-19999");
    const status = await registry.expect(204, "GET", location);
    assert.equal(status.headers.get("Range"), "0-19999");
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`, {
      body: new Uint8Array(blob.bytes.subarray(20_000)),
      headers: { "Content-Range": "20000-29999" },
    });
    await pulls(blob);
  });

  it("refuses a chunk out of order with 416 and says where to go on", async () => {
    const blob = randomContent(2000);
    const location = await begin();
    await patch(location, blob.bytes.subarray(1000), "1000-1999", 416);
    await patch(location, blob.bytes.subarray(0, 1000), "0-999");
    const again = await patch(location, blob.bytes.subarray(0, 1000), "0-999", 416);
    assert.equal(again.headers.get("Range"), "0-999");
    assert.equal(again.headers.get("Location"), location);
    await patch(location, blob.bytes.subarray(1000), "1000-1999");
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`);
    await pulls(blob);
  });

  it("takes a streamed blob: one PATCH of unknown length without Content-Range", async () => {
    const blob = randomContent(700_000);
    const location = await begin();
    const stream = new Blob([new Uint8Array(blob.bytes)]).stream();
    await registry.expect(202, "PATCH", location, { body: stream, duplex: "half" });
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`);
    await pulls(blob);
  });

  it("takes the empty blob, by POST and by PUT", async () => {
    const empty = contentOf("");
    await registry.expect(201, "POST", `${BASE}/uploads/?digest=${empty.digest}`);
    await registry.expect(201, "PUT", `${await begin()}?digest=${empty.digest}`);
    await pulls(empty);
  });

  it("takes sha512 blobs: in one request, by PATCH without a hint, and with digest-algorithm", async () => {
    const [posted, patched, hinted] = [1, 2, 3].map(() => randomContent(4000, "sha512"));
    assert.ok(posted && patched && hinted);
    await registry.expect(201, "POST", `${BASE}/uploads/?digest=${posted.digest}`, {
      body: new Uint8Array(posted.bytes),
    });
    for (const [blob, query] of [
      [patched, ""],
      [hinted, "?digest-algorithm=sha512"],
    ] as const) {
      const location = await begin(query);
      await patch(location, blob.bytes);
      await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`);
    }
    for (const blob of [posted, patched, hinted]) await pulls(blob);
    const answer = await registry.expect(
      201,
      "POST",
      `/v2/other/blobs/uploads/?mount=${posted.digest}&from=conformance`,
    );
    assert.equal(answer.headers.get("Docker-Content-Digest"), posted.digest);
  });

  it("mounts a blob from another repository, from any when none is named, and begins an upload when there is none", async () => {
    const blob = randomContent(1000);
    await pushBlob(registry, "conformance", blob);
    const mount = `uploads/?mount=${blob.digest}`;
    const named = await registry.expect(201, "POST", `/v2/mounted/named/blobs/${mount}&from=conformance`);
    assert.equal(named.headers.get("Location"), `/v2/mounted/named/blobs/${blob.digest}`);
    await pulls(blob, "mounted/named");
    await registry.expect(201, "POST", `/v2/mounted/any/blobs/${mount}`);
    await pulls(blob, "mounted/any");
    await registry.expect(202, "POST", `/v2/mounted/none/blobs/${mount}&from=nobody`);
    await registry.expect(202, "POST", `/v2/mounted/none/blobs/uploads/?mount=${randomContent(9).digest}`);
    await registry.expect(404, "GET", `/v2/mounted/none/blobs/${blob.digest}`);
  });

  it("cancels an upload and forgets its bytes", async () => {
    const location = await begin();
    await patch(location, randomContent(5000).bytes);
    await registry.expect(204, "DELETE", location);
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", location);
    assert.deepEqual(registry.files(".staging"), []);
  });

  it("serves ranges", async () => {
    const blob = randomContent(1000);
    await pushBlob(registry, "conformance", blob);
    const get = async (range: string, status: number): Promise<Response> =>
      await registry.expect(status, "GET", `${BASE}/${blob.digest}`, { headers: { Range: range } });
    const cases: [range: string, from: number, to: number][] = [
      ["bytes=0-0", 0, 0],
      ["bytes=10-19", 10, 19],
      ["bytes=990-", 990, 999],
      ["bytes=-5", 995, 999],
      ["bytes=500-5000", 500, 999],
      ["bytes=-5000", 0, 999],
    ];
    for (const [range, from, to] of cases) {
      const answer = await get(range, 206);
      assert.equal(answer.headers.get("Content-Range"), `bytes ${String(from)}-${String(to)}/1000`);
      assert.deepEqual(await bytesOf(answer), blob.bytes.subarray(from, to + 1), range);
    }
    for (const range of ["bytes=500-0", "bytes=1000-", "bytes=2000-3000", "bytes=-0"]) {
      assert.equal((await get(range, 416)).headers.get("Content-Range"), "bytes */1000", range);
    }
    for (const range of ["lines=1-2", "bytes=a-b", "bytes="]) await get(range, 200);
    const several = (await bytesOf(await get("bytes=0-4,-3", 206))).toString("latin1");
    assert.ok(several.includes(blob.bytes.subarray(0, 5).toString("latin1")));
    assert.ok(several.includes("Content-Range: bytes 997-999/1000"));
  });

  it("serves the whole when If-Range does not hold", async () => {
    const blob = randomContent(100);
    await pushBlob(registry, "conformance", blob);
    const get = async (ifRange: string, status: number): Promise<Response> =>
      await registry.expect(status, "GET", `${BASE}/${blob.digest}`, {
        headers: { Range: "bytes=1-2", "If-Range": ifRange },
      });
    await get(`"${blob.digest}"`, 206);
    await get('"other"', 200);
  });

  it("refuses bad digests and leaves nothing of their blobs", async () => {
    const blob = randomContent(100);
    const other = randomContent(100);
    const before = registry.files("data").length;
    await registry.expectError(400, "DIGEST_INVALID", "POST", `${BASE}/uploads/?digest=${other.digest}`, {
      body: new Uint8Array(blob.bytes),
    });
    const location = await begin();
    await registry.expectError(400, "DIGEST_INVALID", "PUT", `${location}?digest=${other.digest}`, {
      body: new Uint8Array(blob.bytes),
    });
    for (const digest of ["sha256:abc", "md5:0123", "sha256:", `sha256:${"G".repeat(64)}`, "../../etc/passwd"]) {
      await registry.expectError(
        400,
        "DIGEST_INVALID",
        "POST",
        `${BASE}/uploads/?digest=${encodeURIComponent(digest)}`,
        {
          body: "x",
        },
      );
      await registry.expectError(400, "DIGEST_INVALID", "GET", `${BASE}/${encodeURIComponent(digest)}`);
    }
    for (const { digest } of [blob, other]) await registry.expect(404, "GET", `${BASE}/${digest}`);
    assert.equal(registry.files("data").length, before);
    assert.deepEqual(registry.files(".staging"), []);
  });

  it("deletes a blob from one repository and not from another", async () => {
    const blob = randomContent(100);
    await pushBlob(registry, "conformance", blob);
    await registry.expect(201, "POST", `/v2/keeper/blobs/uploads/?mount=${blob.digest}&from=conformance`);
    await registry.expect(202, "DELETE", `${BASE}/${blob.digest}`);
    await registry.expect(404, "HEAD", `${BASE}/${blob.digest}`);
    await pulls(blob, "keeper");
    await pushBlob(registry, "conformance", blob);
    await pulls(blob);
  });

  it("keeps one copy of a blob pushed twice", async () => {
    const blob = randomContent(100);
    await pushBlob(registry, "conformance", blob);
    const before = registry.files("data").length;
    await pushBlob(registry, "conformance", blob);
    await pushBlob(registry, "elsewhere", blob);
    assert.equal(registry.files("data").length, before);
  });
}
