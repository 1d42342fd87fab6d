import assert from "node:assert/strict";

import fc from "fast-check";

import { waitUntil } from "../../helpers/wait-until.js";
import { bytesOf, pushBlob, randomContent } from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";
import { sendRaw, statusesOf } from "./raw-request.js";
import { assertNoLeftovers } from "./store-leftovers.js";

const DIGEST = `sha256:${"b".repeat(64)}`;
const RUNS = 400;

const method = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("get", "CONNECT", "TRACE", "OPTIONS", "PRI", "G\u0000T", "", "M".repeat(9000)),
  },
);
const target = fc.oneof(
  fc.constantFrom(
    "/v2/a/blobs/uploads/",
    `/v2/a/blobs/uploads/?digest=${DIGEST}`,
    "/v2/a/manifests/b",
    "/v2/",
    "/v2/a/tags/list",
  ),
  fc.constantFrom(
    "*",
    "",
    "/",
    "//",
    "http://evil.example/v2/",
    "/v2/../../etc/passwd",
    "/v2/a b",
    "/v2/\u0001",
    "\\v2\\",
  ),
  fc.constantFrom(
    `/v2/${"a/".repeat(3000)}tags/list`,
    `/v2/a/tags/list?${"n=1&".repeat(3000)}`,
    "/v2/a/tags/list#x",
    "//v2//",
  ),
  fc.string({ unit: "binary", maxLength: 50 }).map((text) => `/v2/${text}`),
);
const version = fc.oneof(
  { weight: 8, arbitrary: fc.constant("HTTP/1.1") },
  { weight: 1, arbitrary: fc.constantFrom("HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "http/1.1", "", "HTTP/1.1 x") },
);
const header = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("Host: x", "Host: y", "Connection: close", "Expect: 100-continue") },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "Content-Length: 5",
      "Content-Length: 5",
      "Content-Length: 6",
      "Content-Length: -1",
      "Content-Length: 0x5",
      "Content-Length: 5, 5",
      "Content-Length: 99999999999999999999999",
      "Content-Length:",
      "Content-Length: 1e3",
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: identity",
      "TE: x",
      "Transfer-Encoding:\tchunked",
      "Transfer-Encoding : chunked",
      " Content-Length: 5",
      "Content-Length\u0000: 5",
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "Upgrade: h2c\r\nConnection: Upgrade",
      "Upgrade: websocket\r\nConnection: Upgrade",
      "no colon",
      ": no name",
      "Range: bytes=0-\r\nRange: bytes=1-",
      "Content-Range: 0-4\r\nContent-Range: 9-9",
      "Cookie: \u0000",
      `X-Long: ${"x".repeat(20_000)}`,
      "X-Many: 1\r\n".repeat(2500) + "X: 1",
      "X: a\r\n folded",
      "Content-Type: \u00ff",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
);
const body = fc.oneof(
  fc.constantFrom("", "hello", "hello world", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhel", "zz\r\n", "ffffffffffffffff\r\nx"),
  fc.constantFrom(
    "5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    "-1\r\n\r\n",
    "0\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
  ),
  fc.string({ unit: "binary", maxLength: 200 }),
);

describe("registry's HTTP parser", () => {
  let registry: TestRegistry;

  before(async () => {
    registry = await TestRegistry.start({ idleTimeoutMs: 10_000 });
  });

  after(async () => {
    await registry.stop();
  });

  const stillServes = async (): Promise<void> => {
    const blob = randomContent(1000);
    await pushBlob(registry, "a", blob);
    assert.deepEqual(await bytesOf(await registry.expect(200, "GET", `/v2/a/blobs/${blob.digest}`)), blob.bytes);
    await assertNoLeftovers(registry);
  };

  it("answers what is nearly HTTP below 500 or not at all, ends the connection, and goes on serving", async () => {
    const request = fc.record({ method, target, version, headers: fc.array(header, { maxLength: 6 }), body });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, target, version, headers, body }) => {
        const text = `${method} ${target} ${version}\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
        const statuses = statusesOf(await sendRaw(registry.url, Buffer.from(text, "latin1")));
        assert.ok(
          statuses.every((status) => status < 500),
          `${statuses.join()} for ${JSON.stringify(text.slice(0, 300))}`,
        );
      }),
      { numRuns: RUNS },
    );
    await stillServes();
  });

  it("survives any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        const statuses = statusesOf(await sendRaw(registry.url, Buffer.from(bytes)));
        assert.ok(statuses.every((status) => status === 400));
      }),
      { numRuns: 100 },
    );
    await stillServes();
  });

  it("takes no second request out of the body of one whose length is in doubt", async () => {
    const smuggled = "GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n";
    const lengths = [
      `Content-Length: 0\r\nTransfer-Encoding: chunked`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${String(smuggled.length)}`,
      `Content-Length: 0\r\nContent-Length: ${String(smuggled.length)}`,
      `Transfer-Encoding: xchunked`,
      `Transfer-Encoding: chunked, identity`,
    ];
    for (const length of lengths) {
      const text = `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${smuggled}`;
      assert.deepEqual(statusesOf(await sendRaw(registry.url, text)), [400], length);
    }
  });

  it("ends a request whose connection breaks after its body is complete and before it was looked at", async () => {
    const junk = "-1\r\n\r\n";
    const start = `POST /v2/a/blobs/uploads/?digest=${DIGEST} HTTP/1.1\r\nHost: x\r\n`;
    for (let i = 0; i < 10; i++) {
      await sendRaw(registry.url, `${start}\r\n${junk}`);
      await sendRaw(registry.url, `${start}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n${junk}`);
    }
    await waitUntil("nothing is kept of it", () => registry.files(".staging").length === 0);
  });

  it("keeps of a body that is cut off anywhere no more than an upload that can go on", async () => {
    const blob = randomContent(50_000);
    const start = `POST /v2/a/blobs/uploads/?digest=${blob.digest} HTTP/1.1\r\nHost: x\r\n`;
    await fc.assert(
      fc.asyncProperty(fc.nat(49_999), fc.boolean(), async (length, chunked) => {
        const framing = chunked ? "Transfer-Encoding: chunked\r\n\r\nc350\r\n" : "Content-Length: 50000\r\n\r\n";
        const cut = Buffer.concat([Buffer.from(start + framing), blob.bytes.subarray(0, length)]);
        assert.ok(statusesOf(await sendRaw(registry.url, cut)).every((status) => status === 400));
      }),
      { numRuns: 40 },
    );
    await registry.expect(404, "GET", `/v2/a/blobs/${blob.digest}`);
    await stillServes();
  });
});
