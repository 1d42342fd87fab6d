import assert from "node:assert/strict";

import fc from "fast-check";

import { TestRegistry } from "../../integration/registry/support/test-registry.js";

const DIGEST = `sha256:${"a".repeat(64)}`;
const piece = fc.oneof(
  fc.constantFrom(
    "v2",
    "a",
    "blobs",
    "uploads",
    "manifests",
    "tags",
    "list",
    "referrers",
    "_catalog",
    DIGEST,
    "latest",
    "..",
    "",
  ),
  fc.constantFrom("%2e%2e", "%00", "%2f", "%ff", "é", "!", "sha512:", "00000000-0000-4000-8000-000000000000"),
  fc.string({ maxLength: 20 }).map(encodeURIComponent),
);
const query = fc.oneof(
  fc.constant(""),
  fc.constantFrom(
    `digest=${DIGEST}`,
    "n=1",
    "n=-1",
    "last=",
    "mount=x",
    `mount=${DIGEST}&from=..`,
    "n=1&n=2",
    "digest=1&digest=2",
  ),
  fc.string({ maxLength: 30 }).map(encodeURIComponent),
);
const headers = fc.record(
  {
    "Content-Range": fc.constantFrom("0-1", "5-1", "bytes 0-0/*", "x"),
    Range: fc.constantFrom("bytes=0-", "bytes=9-1", "bytes=-", "x"),
    "Content-Type": fc.constantFrom(
      "application/vnd.oci.image.manifest.v1+json",
      "text/plain",
      ";",
      "application/json; charset=x",
    ),
    "If-None-Match": fc.constantFrom("*", '"', `"${DIGEST}"`),
  },
  { requiredKeys: [] },
);

describe("registry's HTTP surface", () => {
  it("answers every request with a status below 500 and, when it refuses, an error body", async () => {
    const registry = await TestRegistry.start();
    const request = fc.record({
      method: fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"),
      path: fc.array(piece, { maxLength: 7 }).map((parts) => `/v2/${parts.join("/")}`),
      query,
      headers,
      body: fc.option(fc.oneof(fc.json(), fc.string()), { nil: undefined }),
    });
    try {
      await fc.assert(
        fc.asyncProperty(request, async ({ method, path, query, headers, body }) => {
          const bodiless = method === "GET" || method === "HEAD" || body === undefined;
          const answer = await fetch(`${registry.url}${path}?${query}`, {
            method,
            headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
            ...(bodiless ? {} : { body }),
          });
          const text = await answer.text();
          assert.ok(answer.status < 500, `${String(answer.status)} ${text}`);
          if (answer.status < 400 || method === "HEAD") return;
          const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
          assert.ok(errors[0]?.code && errors[0].message);
        }),
        { numRuns: 400 },
      );
    } finally {
      await registry.stop();
    }
  });
});
