import assert from "node:assert/strict";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { bytesOf, randomContent, type Described } from "../../integration/registry/support/content.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";
import type { ContentBundle } from "./content-bundle.js";
import { SHAPES, TAGGED_BY_QUERY } from "./content-shapes.js";

const NAME = "conformance/content";

/**
 * Each shape of content by push, list, HEAD, pull, referrers and delete, in the manner of the specification's own suite:
 * manifests of unannounced length, every Location followed, every deletion seen at once.
 */
export function contentSuite(start: () => Promise<TestRegistry>, shapes = Object.keys(SHAPES)): void {
  let registry: TestRegistry;

  before(async () => {
    registry = await start();
  });

  after(async () => {
    await registry.stop();
  });

  const pushBlobs = async (bundle: ContentBundle): Promise<void> => {
    for (const { digest, bytes } of bundle.blobs) {
      const begun = await registry.expect(202, "POST", `/v2/${NAME}/blobs/uploads/`);
      const place = new URL(begun.headers.get("Location") ?? "", registry.url);
      place.searchParams.set("digest", digest);
      const put = await registry.expect(201, "PUT", place.href, { body: new Uint8Array(bytes) });
      assert.equal(put.headers.get("Docker-Content-Digest"), digest);
      const pulled = await registry.expect(200, "GET", put.headers.get("Location") ?? "");
      assert.deepEqual(await bytesOf(pulled), bytes);
    }
  };

  /** As Go's client sends it when it is not told the length. */
  const put = async (reference: string, manifest: Described, status = 201): Promise<Headers> => {
    const body = new Blob([new Uint8Array(manifest.bytes)]).stream();
    const init: RequestInit = { body, duplex: "half", headers: { "Content-Type": manifest.mediaType } };
    const { headers } = await registry.expect(status, "PUT", `/v2/${NAME}/manifests/${reference}`, init);
    if (status !== 201) return headers;
    assert.equal(headers.get("Docker-Content-Digest"), manifest.digest);
    const { subject } = JSON.parse(manifest.bytes.toString()) as { subject?: { digest: string } };
    assert.equal(headers.get("OCI-Subject"), subject?.digest ?? null);
    await pulls(headers.get("Location") ?? "", manifest);
    return headers;
  };

  const pulls = async (path: string, { mediaType, bytes, digest }: Described): Promise<void> => {
    for (const method of ["HEAD", "GET"]) {
      // Whatever Accept says: other bytes would have another digest.
      const answer = await registry.expect(200, method, path, { headers: { Accept: "application/x.other" } });
      assert.equal(answer.headers.get("Content-Type"), mediaType);
      assert.equal(answer.headers.get("Content-Length"), String(bytes.length));
      assert.equal(answer.headers.get("Docker-Content-Digest"), digest);
      assert.deepEqual(await bytesOf(answer), method === "GET" ? bytes : Buffer.alloc(0));
    }
  };

  const manifestPath = (reference: string): string => `/v2/${NAME}/manifests/${reference}`;

  const byDigest = (bundle: ContentBundle, digest: Digest): Described =>
    bundle.manifests.find((manifest) => manifest.digest === digest) ?? assert.fail(digest);

  const lists = async (bundle: ContentBundle): Promise<void> => {
    const tagsAfter = async (query: string): Promise<string[]> => {
      const answer = await registry.expect(200, "GET", `/v2/${NAME}/tags/list${query}`);
      return ((await answer.json()) as { tags: string[] }).tags;
    };
    const all = await tagsAfter("");
    for (const tag of bundle.tags.keys()) assert.ok(all.includes(tag), tag);
    const sorted = [...all].sort();
    assert.deepEqual(all, sorted);
    const half = Math.floor(sorted.length / 2);
    assert.deepEqual(await tagsAfter(`?last=${sorted[half - 1] ?? ""}`), sorted.slice(half));
  };

  const headsAndPulls = async (bundle: ContentBundle): Promise<void> => {
    for (const [tag, digest] of bundle.tags) await pulls(manifestPath(tag), byDigest(bundle, digest));
    for (const manifest of bundle.manifests) await pulls(manifestPath(manifest.digest), manifest);
    for (const { digest, bytes } of bundle.blobs) {
      for (const method of ["HEAD", "GET"]) {
        const answer = await registry.expect(200, method, `/v2/${NAME}/blobs/${digest}`);
        assert.equal(answer.headers.get("Content-Length"), String(bytes.length));
        assert.equal(answer.headers.get("Docker-Content-Digest"), digest);
        assert.deepEqual(await bytesOf(answer), method === "GET" ? bytes : Buffer.alloc(0));
      }
    }
  };

  const refers = async (bundle: ContentBundle): Promise<void> => {
    for (const [subject, expected] of bundle.referrers) {
      const referrersOf = async (artifactType?: string): Promise<{ digest: string }[]> => {
        const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
        const answer = await registry.expect(200, "GET", `/v2/${NAME}/referrers/${subject}${query}`);
        assert.equal(answer.headers.get("Content-Type"), MediaType.ociIndex);
        assert.equal(answer.headers.get("OCI-Filters-Applied"), artifactType === undefined ? null : "artifactType");
        const index = (await answer.json()) as {
          schemaVersion: number;
          mediaType: string;
          manifests: { digest: string }[];
        };
        assert.deepEqual([index.schemaVersion, index.mediaType], [2, MediaType.ociIndex]);
        return index.manifests;
      };
      const ordered = [...expected].sort((a, b) => (a.digest < b.digest ? -1 : 1));
      const plain = JSON.parse(JSON.stringify(ordered)) as typeof ordered;
      assert.deepEqual(await referrersOf(), plain);
      for (const type of new Set(expected.map(({ artifactType }) => artifactType ?? assert.fail("no type")))) {
        assert.deepEqual(
          await referrersOf(type),
          plain.filter(({ artifactType }) => artifactType === type),
        );
      }
      assert.deepEqual(await referrersOf("application/vnd.example.none"), []);
    }
  };

  const deletes = async (bundle: ContentBundle): Promise<void> => {
    for (const [tag, digest] of bundle.tags) {
      await registry.expect(202, "DELETE", manifestPath(tag));
      await registry.expect(404, "HEAD", manifestPath(tag));
      await registry.expect(200, "HEAD", manifestPath(digest));
    }
    for (const { digest } of bundle.manifests.toReversed()) {
      await registry.expect(202, "DELETE", manifestPath(digest));
      await registry.expect(404, "HEAD", manifestPath(digest));
    }
    for (const subject of bundle.referrers.keys()) {
      const answer = await registry.expect(200, "GET", `/v2/${NAME}/referrers/${subject}`);
      assert.deepEqual(((await answer.json()) as { manifests: unknown[] }).manifests, []);
    }
    for (const { digest } of bundle.blobs) {
      await registry.expect(202, "DELETE", `/v2/${NAME}/blobs/${digest}`);
      await registry.expect(404, "HEAD", `/v2/${NAME}/blobs/${digest}`);
    }
  };

  for (const shape of shapes) {
    const make = SHAPES[shape] ?? assert.fail(`there is no shape ${shape}`);
    it(`pushes, lists, heads, pulls, refers to and deletes: ${shape}`, async () => {
      const bundle = make();
      await pushBlobs(bundle);
      for (const manifest of bundle.manifests) await put(manifest.digest, manifest);
      for (const [tag, digest] of bundle.tags) await put(tag, byDigest(bundle, digest));
      if (bundle.tags.size > 0) await lists(bundle);
      await headsAndPulls(bundle);
      await refers(bundle);
      await deletes(bundle);
    });
  }

  for (const [algorithm, make] of Object.entries(TAGGED_BY_QUERY)) {
    it(`gives a manifest pushed by its ${algorithm} digest the tags of the query, and says so in OCI-Tag`, async () => {
      const bundle = make();
      await pushBlobs(bundle);
      for (const manifest of bundle.manifests) {
        const tags = [...bundle.tags].filter(([, digest]) => digest === manifest.digest).map(([tag]) => tag);
        const query = new URLSearchParams(tags.map((tag): [string, string] => ["tag", tag]));
        const headers = await put(`${manifest.digest}?${query.toString()}`, manifest);
        assert.deepEqual((headers.get("OCI-Tag") ?? "").split(", ").sort(), [...tags].sort());
      }
      await lists(bundle);
      await headsAndPulls(bundle);
      await deletes(bundle);
    });
  }

  it("takes the tags of the query all or none: one that is no tag leaves the manifest unpushed", async () => {
    const bundle = SHAPES["image"]?.() ?? assert.fail();
    await pushBlobs(bundle);
    for (const manifest of bundle.manifests) {
      await put(`${manifest.digest}?tag=good&tag=-bad`, manifest, 400);
      await registry.expect(404, "HEAD", manifestPath(manifest.digest));
    }
    await registry.expect(404, "HEAD", manifestPath("good"));
  });

  it("refuses a manifest whose bytes or whose reference are not of the digest", async () => {
    const bundle = SHAPES["image"]?.() ?? assert.fail();
    await pushBlobs(bundle);
    for (const manifest of bundle.manifests) {
      const longer = { ...manifest, bytes: Buffer.concat([manifest.bytes, Buffer.from("  ")]) };
      await put(manifest.digest, longer, 400);
      await put("sha256:baddigeststring", manifest, 400);
      await put(randomContent(8, "sha512").digest, manifest, 400);
      await registry.expect(404, "HEAD", manifestPath(manifest.digest));
    }
    await registry.expectError(400, "DIGEST_INVALID", "GET", manifestPath("sha256:baddigeststring"));
    await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", manifestPath(randomContent(8).digest));
    await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", manifestPath("missing-tag"));
  });
}
