import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { waitUntil } from "../../helpers/wait-until.js";
import { contentOf, imageIn, putManifest, randomContent } from "./support/content.js";
import { TestRegistry } from "./support/test-registry.js";

describe("registry with bad input", () => {
  let registry: TestRegistry;

  beforeEach(async () => {
    registry = await TestRegistry.start();
  });

  afterEach(async () => {
    await registry.stop();
  });

  const connection = async (to = registry): Promise<Socket> => {
    const { hostname, port } = new URL(to.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };

  /** Sends exactly these bytes and returns the status line. */
  const raw = async (request: string): Promise<string> => {
    const socket = await connection();
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.write(request, "latin1");
    while (!text.includes("\r\n") && !socket.closed) await sleep(5);
    socket.destroy();
    return text.split("\r\n")[0] ?? "";
  };

  it("refuses malformed names, whatever tricks their paths play, and writes nothing", async () => {
    const paths = [
      "/v2/UPPER/tags/list",
      "/v2/-a/tags/list",
      "/v2/a//b/tags/list",
      "/v2/a/../b/tags/list",
      "/v2/%2e%2e/%2e%2e/tags/list",
      "/v2/a%2f..%2fb/tags/list",
      "/v2/a%00b/tags/list",
      "/v2/%C3%A9/tags/list",
      "/v2/a!b/tags/list",
      "/v2/.staging/tags/list",
      `/v2/${"a".repeat(256)}/tags/list`,
      "/v2/%ff/tags/list",
    ];
    for (const path of paths) {
      assert.match(await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`), / 40[04] /, path);
      const upload = path.replace("tags/list", "blobs/uploads/");
      assert.match(await raw(`POST ${upload} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`), / 40[04] /, upload);
    }
    for (const part of ["repos", "uploads", "blobs", "data"]) assert.deepEqual(registry.files(part), [], part);
  });

  it("refuses malformed tags and digests, and finds nothing under such tags", async () => {
    for (const reference of [".a", "-a", "a%2fb", "a".repeat(129), "%20", "a%0d%0ab"]) {
      await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", `/v2/a/manifests/${reference}`);
      await registry.expectError(400, "TAG_INVALID", "PUT", `/v2/a/manifests/${reference}`, { body: "{}" });
    }
    for (const method of ["GET", "PUT"]) {
      const path = "/v2/a/manifests/sha256:xyz";
      await registry.expectError(400, "DIGEST_INVALID", method, path, method === "PUT" ? { body: "{}" } : {});
    }
  });

  it("answers 404 and 405 with an error body where the API has nothing", async () => {
    await registry.expectError(404, "NAME_UNKNOWN", "GET", "/");
    await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v3/");
    const answer = await registry.expectError(405, "UNSUPPORTED", "POST", "/v2/a/manifests/b");
    assert.match(answer.headers.get("Allow") ?? "", /PUT/);
  });

  it("refuses a manifest over the limit before it is read, and one whose length is not announced", async () => {
    const large = Buffer.alloc(4 * 1024 * 1024 + 1, " ");
    await registry.expect(413, "PUT", "/v2/a/manifests/b", { body: large });
    const stream = new Blob([large]).stream();
    await registry.expect(413, "PUT", "/v2/a/manifests/b", { body: stream, duplex: "half" });
    const announced = "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n";
    assert.match(await raw(announced), / 413 /);
  });

  it("refuses what is no manifest", async () => {
    const { bytes } = await imageIn(registry, "a");
    const image = JSON.parse(bytes.toString()) as object;
    const documents = [
      "",
      "null",
      "[]",
      "nothing",
      JSON.stringify({ ...image, manifests: [] }),
      JSON.stringify({ ...image, schemaVersion: 1 }),
      JSON.stringify({ ...image, config: { mediaType: "x", size: -1, digest: "sha256:1" } }),
      JSON.stringify({ ...image, layers: "all" }),
      Buffer.from([0xff, 0xfe, 0x7b]),
    ];
    for (const body of documents) {
      await registry.expectError(400, "MANIFEST_INVALID", "PUT", "/v2/a/manifests/b", {
        body,
        headers: { "Content-Type": "application/vnd.oci.image.manifest.v1+json" },
      });
    }
    await registry.expect(404, "GET", "/v2/a/manifests/b");
  });

  it("refuses a manifest whose media type could never be sent as its Content-Type", async () => {
    for (const mediaType of ["application/x\nevil: 1", "application/\u4e00", "application/x\u0000", "nothing"]) {
      const body = JSON.stringify({ schemaVersion: 2, mediaType });
      const init = { body: Buffer.from(body) };
      await registry.expectError(400, "MANIFEST_INVALID", "PUT", "/v2/a/manifests/b", init);
    }
    assert.deepEqual(registry.files("data"), []);
  });

  it("keeps what arrived of a body that stops short, and the client goes on from there", async () => {
    const blob = randomContent(500_000);
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const location = started.headers.get("Location") ?? "";
    const socket = await connection();
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n`);
    socket.write(blob.bytes.subarray(0, 300_000), () => socket.destroy());
    // The server may still be at it when the client has gone.
    for (let received = 0; received !== 300_000; await sleep(20)) {
      const status = await registry.expect(204, "GET", location);
      received = Number(status.headers.get("Range")?.slice(2)) + 1;
    }
    for (let status = 416; status !== 202; await sleep(20)) {
      ({ status } = await registry.fetch("PATCH", location, {
        body: new Uint8Array(blob.bytes.subarray(300_000)),
        headers: { "Content-Range": "300000-499999" },
      }));
      assert.ok(status === 202 || status === 416, String(status));
    }
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`);
    await registry.expect(200, "GET", `/v2/a/blobs/${blob.digest}`);
  });

  it("forgets a single POST that stops short", async () => {
    const blob = randomContent(500_000);
    const socket = await connection();
    socket.write(
      `POST /v2/a/blobs/uploads/?digest=${blob.digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n`,
    );
    socket.write(blob.bytes.subarray(0, 300_000));
    await waitUntil("it is being received", () => registry.files(".staging").length > 0);
    socket.destroy();
    await waitUntil("it is forgotten", () => registry.files(".staging").length === 0);
    assert.deepEqual(registry.files("data"), []);
    await registry.expect(404, "GET", `/v2/a/blobs/${blob.digest}`);
  });

  it("closes a connection on which nothing moves, before, in and between requests", async () => {
    const impatient = await TestRegistry.start({ idleTimeoutMs: 1000 });
    try {
      const written = [
        "",
        "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        "GET /v2/ HTTP/1.1\r\nHo",
      ];
      await Promise.all(
        written.map(async (text) => {
          const socket = await connection(impatient);
          // A 408 that nobody reads would keep the end behind it from being seen.
          socket.resume().write(text);
          if (!socket.closed) await once(socket, "close");
        }),
      );
    } finally {
      await impatient.stop();
    }
  });

  it("answers no redirection or log line of the client's making", async () => {
    const answer = await registry.fetch("GET", "/v2/a/tags/list?n=x", {
      headers: { "X-Request-Id": "evil id", "X-Forwarded-Host": "evil.example" },
    });
    assert.match(answer.headers.get("X-Request-Id") ?? "", /^[0-9a-f-]{36}$/);
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/", {
      headers: { "X-Forwarded-Host": "evil.example" },
    });
    assert.match(started.headers.get("Location") ?? "", /^\/v2\//);
  });

  it("lets only one of racing PATCHes in, and the blob is whole", async () => {
    const parts = [randomContent(400_000), randomContent(400_000)];
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const location = started.headers.get("Location") ?? "";
    const answers = await Promise.all(
      parts.map(async ({ bytes }) =>
        registry.fetch("PATCH", location, { body: new Uint8Array(bytes), headers: { "Content-Range": "0-399999" } }),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [202, 416],
    );
    const winner = parts[answers.findIndex(({ status }) => status === 202)];
    assert.ok(winner);
    await registry.expect(201, "PUT", `${location}?digest=${winner.digest}`);
  });

  it("serves one of the manifests that race for a tag, and keeps them all by digest", async () => {
    const images = await Promise.all(Array.from({ length: 8 }, async () => await imageIn(registry, "a")));
    await Promise.all(images.map(async (image) => await putManifest(registry, "a", "race", image)));
    const { digest } = contentOf(
      Buffer.from(await (await registry.fetch("GET", "/v2/a/manifests/race")).arrayBuffer()),
    );
    assert.ok(images.some((image) => image.digest === digest));
    for (const image of images) await registry.expect(200, "GET", `/v2/a/manifests/${image.digest}`);
  });

  it("keeps an upload across a restart, to be closed with a digest of the whole", async () => {
    const blob = randomContent(300_000);
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const location = started.headers.get("Location") ?? "";
    await registry.expect(202, "PATCH", location, { body: new Uint8Array(blob.bytes.subarray(0, 200_000)) });
    await registry.restart();
    const status = await registry.expect(204, "GET", location);
    assert.equal(status.headers.get("Range"), "0-199999");
    await registry.expect(201, "PUT", `${location}?digest=${blob.digest}`, {
      body: new Uint8Array(blob.bytes.subarray(200_000)),
    });
    await registry.expect(200, "GET", `/v2/a/blobs/${blob.digest}`);
  });

  it("does not let one repository's upload be used in another", async () => {
    const started = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const location = (started.headers.get("Location") ?? "").replace("/v2/a/", "/v2/b/");
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PATCH", location, { body: "x" });
  });
});
