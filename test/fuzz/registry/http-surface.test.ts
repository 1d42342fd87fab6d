import assert from "node:assert/strict";

import fc from "fast-check";

import { bytesOf, imageIn, pushBlob, putManifest, randomContent } from "../../integration/registry/support/content.js";
import { TestRegistry } from "../../integration/registry/support/test-registry.js";
import { assertNoLeftovers } from "./store-leftovers.js";

const UNKNOWN = `sha256:${"a".repeat(64)}`;
const RUNS = 600;

/** What a request is made of: words of the API, things that are there, and tricks. */
function requests(known: readonly string[], digests: readonly string[]): fc.Arbitrary<HttpRequest> {
  const trick = fc.constantFrom(
    "%2e%2e",
    "..",
    ".",
    "%00",
    "%2f",
    "%5c",
    "%ff",
    "%",
    "%zz",
    "%C0%AE",
    "é",
    "\u202e",
    "!",
    "sha512:",
    "//",
    "",
    "00000000-0000-4000-8000-000000000000",
    "constructor",
    "__proto__",
    "a".repeat(256),
    "-",
    "a__b",
    "A",
  );
  const word = fc.constantFrom(
    "v2",
    "a",
    "b",
    "blobs",
    "uploads",
    "manifests",
    "tags",
    "list",
    "referrers",
    "_catalog",
  );
  const piece = fc.oneof(
    { weight: 4, arbitrary: word },
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: trick },
    { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: "binary" }).map(encodeURIComponent) },
  );
  const shaped = fc
    .tuple(
      fc.oneof(fc.constantFrom("a", "b", "a/b", "new"), trick),
      fc.constantFrom("manifests", "blobs", "blobs/uploads", "referrers", "tags"),
      piece,
    )
    .map((parts) => parts.join("/"));
  const path = fc.oneof(
    shaped,
    fc.array(piece, { maxLength: 7 }).map((parts) => parts.join("/")),
  );
  const digest = fc.constantFrom(...digests, UNKNOWN, "sha256:", "md5:0", "sha512:ab", "");
  const parameter = fc.oneof(
    digest.map((value) => `digest=${value}`),
    digest.map((value) => `mount=${value}`),
    digest.map((value) => `last=${value}`),
    fc.constantFrom("from=a", "from=..", "n=1", "n=-1", "n=99999999999", "n=", "last=%ff", "tag=x", "tag=-", "tag="),
    fc.constantFrom(
      "digest-algorithm=sha512",
      "digest-algorithm=x",
      "ns=docker.io",
      "artifactType=%00",
      "=",
      "&&",
      "%",
    ),
    fc.string({ maxLength: 30, unit: "binary" }).map(encodeURIComponent),
  );
  const headers = fc.record(
    {
      "Content-Range": fc.constantFrom("0-1", "5-1", "bytes 0-0/*", "0-99999999999999999999", "x", "-"),
      Range: fc.constantFrom("bytes=0-", "bytes=9-1", "bytes=-", "bytes=0-0,1-1", "bytes=-99999999999999999999", "x"),
      "If-Range": fc.constantFrom('"x"', "x", "Wed, 21 Oct 2015 07:28:00 GMT"),
      "If-None-Match": fc.constantFrom("*", '"', `"${UNKNOWN}"`, ",,,"),
      "Content-Type": fc.constantFrom(
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "text/plain",
        ";",
        "application/json; charset=x",
        "a/b\tc",
      ),
      Accept: fc.constantFrom("*/*", "x", ""),
      Authorization: fc.constantFrom("Basic", "Basic !", "Bearer a.b.c", "x"),
      "X-Forwarded-Host": fc.constantFrom("evil.example", "a b", "["),
    },
    { requiredKeys: [] },
  );
  return fc.record({
    method: fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND"),
    path,
    query: fc.array(parameter, { maxLength: 3 }).map((parameters) => parameters.join("&")),
    headers,
    body: fc.option(fc.oneof(fc.json(), fc.string({ unit: "binary" }), manifests(digests)), { nil: undefined }),
  });
}

/** Documents that are nearly manifests. */
function manifests(digests: readonly string[]): fc.Arbitrary<string> {
  const anything = fc.oneof(fc.constantFrom<unknown>(null, 0, "", [], {}, -1, 1e308, true), fc.string());
  const descriptor = fc.record(
    {
      mediaType: fc.oneof(fc.constant("application/x.y"), anything),
      digest: fc.oneof(fc.constantFrom(...digests, UNKNOWN), anything),
      size: fc.oneof(fc.nat(), anything),
      annotations: anything,
    },
    { requiredKeys: [] },
  );
  const list = fc.oneof(fc.array(fc.oneof(descriptor, anything), { maxLength: 4 }), anything);
  return fc
    .record(
      {
        schemaVersion: fc.oneof(fc.constant(2), anything),
        mediaType: fc.oneof(fc.constantFrom("application/vnd.oci.image.manifest.v1+json", "a/b", "\n"), anything),
        config: fc.oneof(descriptor, anything),
        layers: list,
        manifests: list,
        subject: fc.oneof(descriptor, anything),
        artifactType: anything,
        annotations: anything,
      },
      { requiredKeys: [] },
    )
    .map((document) => JSON.stringify(document));
}

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

describe("registry's HTTP surface", () => {
  it("answers every request with a status below 500, says why it refuses, and keeps no leftovers", async () => {
    const registry = await TestRegistry.start();
    const image = await imageIn(registry, "a");
    await putManifest(registry, "a", "v1", image);
    const blob = randomContent(100);
    await pushBlob(registry, "a", blob);
    const begun = await registry.expect(202, "POST", "/v2/a/blobs/uploads/");
    const upload = begun.headers.get("Docker-Upload-UUID") ?? "";
    const digests = [image.digest, blob.digest];
    try {
      await fc.assert(
        fc.asyncProperty(
          requests([...digests, upload, "v1"], digests),
          async ({ method, path, query, headers, body }) => {
            const bodiless = method === "GET" || method === "HEAD" || body === undefined;
            const answer = await fetch(`${registry.url}/v2/${path}?${query}`, {
              method,
              headers,
              redirect: "error",
              ...(bodiless ? {} : { body }),
            });
            const text = await answer.text();
            assert.ok(answer.status < 500, `${String(answer.status)} ${text}`);
            if (answer.status < 400 || method === "HEAD") return;
            assert.equal(answer.headers.get("Content-Type"), "application/json");
            const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
            assert.ok(errors[0]?.code && errors[0].message);
          },
        ),
        { numRuns: RUNS },
      );
      await pushBlob(registry, "a", blob);
      const served = await registry.expect(200, "GET", `/v2/a/blobs/${blob.digest}`);
      assert.deepEqual(await bytesOf(served), blob.bytes);
      await assertNoLeftovers(registry);
    } finally {
      await registry.stop();
    }
  });
});
