import assert from "node:assert/strict";

import { MediaType } from "../../../oci/media-types.js";
import type { RegistryOptions } from "../../../registry/index.js";
import {
  bytesOf,
  contentOf,
  descriptorOf,
  documentOf,
  imageIn,
  pushBlob,
  putManifest,
  type Described,
} from "../../integration/registry/support/content.js";
import type { TestRegistry } from "../../integration/registry/support/test-registry.js";

const NAME = "conformance/manifests";

interface Listed {
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: object;
}

/** OCI distribution-spec v1.1, "Pushing Manifests", "Pulling manifests", "Listing Tags", "Listing Referrers". */
export function manifestSuite(start: (options?: Partial<RegistryOptions>) => Promise<TestRegistry>): void {
  let registry: TestRegistry;

  before(async () => {
    registry = await start();
  });

  after(async () => {
    await registry.stop();
  });

  const referrersOf = async (digest: string, query = ""): Promise<Listed[]> => {
    const answer = await registry.expect(200, "GET", `/v2/${NAME}/referrers/${digest}${query}`);
    assert.equal(answer.headers.get("Content-Type"), MediaType.ociIndex);
    return ((await answer.json()) as { manifests: Listed[] }).manifests;
  };

  const emptyConfig = { mediaType: MediaType.ociEmpty, ...contentOf("{}") };

  const artifact = async (fields: object): Promise<Described> => {
    await pushBlob(registry, NAME, emptyConfig);
    return documentOf(MediaType.ociManifest, {
      config: descriptorOf(emptyConfig),
      layers: [descriptorOf(emptyConfig)],
      ...fields,
    });
  };

  const pushed = async (manifest: Described): Promise<Described> => {
    await putManifest(registry, NAME, manifest.digest, manifest);
    return manifest;
  };

  it("lists referrers with their types and annotations, filters them, and is empty for the unknown", async () => {
    const subject = await pushed(await imageIn(registry, NAME));
    const refers = { subject: descriptorOf(subject) };
    const sbom = await pushed(
      await artifact({ ...refers, artifactType: "application/x.sbom", annotations: { by: "me" } }),
    );
    const typed = await pushed(await imageIn(registry, NAME, refers));
    const all = new Map((await referrersOf(subject.digest)).map((entry) => [entry.digest, entry]));
    assert.deepEqual([...all.keys()].sort(), [sbom.digest, typed.digest].sort());
    assert.deepEqual(all.get(sbom.digest)?.annotations, { by: "me" });
    assert.equal(all.get(typed.digest)?.artifactType, MediaType.ociConfig);
    const filtered = await referrersOf(subject.digest, "?artifactType=application%2Fx.sbom");
    assert.deepEqual(
      filtered.map(({ digest }) => digest),
      [sbom.digest],
    );
    assert.deepEqual(await referrersOf(`sha256:${"2".repeat(64)}`), []);
    const unknown = await registry.expect(200, "GET", `/v2/never/seen/referrers/${subject.digest}?artifactType=x`);
    assert.equal(unknown.headers.get("OCI-Filters-Applied"), "artifactType");
  });

  it("gives referrers with large annotations in pages of a bearable size, filtered or not", async () => {
    const subject = await pushed(await imageIn(registry, NAME));
    const expected: string[] = [];
    for (let i = 0; i < 5; i++) {
      const annotations = { i: String(i), text: "x".repeat(1_500_000) };
      const artifactType = i === 4 ? "application/x.other" : "application/x.large";
      const { digest } = await pushed(await artifact({ subject: descriptorOf(subject), artifactType, annotations }));
      if (i < 4) expected.push(digest);
    }
    const found: string[] = [];
    let url: string | undefined = `/v2/${NAME}/referrers/${subject.digest}?artifactType=application%2Fx.large`;
    let pages = 0;
    for (; url !== undefined; pages++) {
      const answer = await registry.expect(200, "GET", url);
      assert.equal(answer.headers.get("OCI-Filters-Applied"), "artifactType");
      const bytes = await bytesOf(answer);
      assert.ok(bytes.length < 4 * 1024 * 1024);
      const { manifests } = JSON.parse(bytes.toString()) as { manifests: Listed[] };
      found.push(...manifests.map(({ digest }) => digest));
      url = /^<(.*)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1];
    }
    assert.ok(pages > 1);
    assert.deepEqual(found, expected.sort());
    await registry.expectError(400, "DIGEST_INVALID", "GET", `/v2/${NAME}/referrers/${subject.digest}?last=x`);
  });

  it("refuses a manifest whose blobs or children are missing, and serves nothing of it", async () => {
    const elsewhere = await imageIn(registry, "elsewhere");
    await putManifest(registry, "elsewhere", elsewhere.digest, elsewhere);
    const index = documentOf(MediaType.ociIndex, { manifests: [descriptorOf(elsewhere)] });
    for (const manifest of [elsewhere, index]) {
      await registry.expectError(404, "MANIFEST_BLOB_UNKNOWN", "PUT", `/v2/${NAME}/manifests/missing`, {
        body: new Uint8Array(manifest.bytes),
        headers: { "Content-Type": manifest.mediaType },
      });
      await registry.expect(404, "GET", `/v2/${NAME}/manifests/missing`);
      await registry.expect(404, "GET", `/v2/${NAME}/manifests/${manifest.digest}`);
    }
  });

  it("takes a manifest of which parts are missing when it is told to, and serves it", async () => {
    const sparse = await start({ sparseManifests: true });
    try {
      const image = await imageIn(sparse, "elsewhere");
      const kept = await imageIn(sparse, "sparse");
      await putManifest(sparse, "sparse", "kept", kept);
      const index = documentOf(MediaType.ociIndex, { manifests: [kept, image].map(descriptorOf) });
      for (const manifest of [image, index]) {
        await putManifest(sparse, "sparse", manifest.digest, manifest);
        const answer = await sparse.expect(200, "GET", `/v2/sparse/manifests/${manifest.digest}`);
        assert.deepEqual(await bytesOf(answer), manifest.bytes);
      }
    } finally {
      await sparse.stop();
    }
  });

  it("has no manifest under a name that can be no tag, and takes none", async () => {
    for (const name of [".INVALID_MANIFEST_NAME", "-", "t".repeat(129)]) {
      const path = `/v2/${NAME}/manifests/${name}`;
      await registry.expect(404, "HEAD", path);
      for (const method of ["GET", "DELETE"]) await registry.expectError(404, "MANIFEST_UNKNOWN", method, path);
      await registry.expectError(400, "TAG_INVALID", "PUT", path, { body: "{}" });
    }
    const path = `/v2/${NAME}/manifests/sha256:baddigeststring`;
    for (const method of ["GET", "DELETE", "PUT"]) await registry.expectError(400, "DIGEST_INVALID", method, path);
  });

  it("refuses a manifest whose bytes have another digest", async () => {
    const [image, other] = [await imageIn(registry, NAME), await imageIn(registry, NAME)];
    await registry.expectError(400, "DIGEST_INVALID", "PUT", `/v2/${NAME}/manifests/${other.digest}`, {
      body: new Uint8Array(image.bytes),
      headers: { "Content-Type": image.mediaType },
    });
    await registry.expect(404, "GET", `/v2/${NAME}/manifests/${image.digest}`);
  });

  it("pages tags and repositories by n and last with a Link", async () => {
    const image = await imageIn(registry, "paged");
    const names = ["1.0", "A", "Z", "_x", "a", "a.b", "b"];
    for (const tag of names.toReversed()) await putManifest(registry, "paged", tag, image);
    for (const [path, field] of [
      ["/v2/paged/tags/list", "tags"],
      ["/v2/_catalog", "repositories"],
    ] as const) {
      const read = async (url: string): Promise<{ items: string[]; next: string | undefined }> => {
        const answer = await registry.expect(200, "GET", url);
        const [, next] = /^<(.*)>; rel="next"$/.exec(answer.headers.get("Link") ?? "") ?? [];
        return { items: ((await answer.json()) as Record<string, string[]>)[field] ?? [], next };
      };
      const { items: all } = await read(path);
      assert.deepEqual(all, [...all].sort());
      const paged: string[] = [];
      let url: string | undefined = `${path}?n=2`;
      while (url !== undefined) {
        const page = await read(url);
        assert.ok(page.items.length <= 2);
        paged.push(...page.items);
        url = page.next;
      }
      assert.deepEqual(paged, all);
      assert.deepEqual(await read(`${path}?n=0`), { items: [], next: undefined });
      assert.deepEqual((await read(`${path}?last=${all.at(-1) ?? ""}`)).items, []);
      assert.deepEqual((await read(`${path}?n=10000`)).items, all);
    }
  });

  it("answers null nowhere: a repository without tags has an empty list", async () => {
    await pushBlob(registry, "untagged", emptyConfig);
    const answer = await registry.expect(200, "GET", "/v2/untagged/tags/list");
    assert.equal(await answer.text(), '{"name":"untagged","tags":[]}');
    await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/never/seen/tags/list");
  });

  it("keeps repositories apart whose names look like the API's own paths", async () => {
    const names = [
      "a",
      "a/tags/b",
      "a/tags",
      "x/manifests",
      "x/manifests/y",
      "x/blobs/uploads",
      "referrers/a",
      "a/tags/list",
    ];
    const images = new Map<string, Described>();
    for (const name of names) images.set(name, await imageIn(registry, name));
    for (const [name, image] of images) await putManifest(registry, name, "b", image);
    for (const [name, image] of images) {
      const answer = await registry.expect(200, "GET", `/v2/${name}/manifests/b`);
      assert.deepEqual(await bytesOf(answer), image.bytes, name);
      const list = await (await registry.expect(200, "GET", `/v2/${name}/tags/list`)).json();
      assert.deepEqual(list, { name, tags: ["b"] });
    }
    const { repositories } = (await (await registry.expect(200, "GET", "/v2/_catalog")).json()) as {
      repositories: string[];
    };
    for (const name of names) assert.ok(repositories.includes(name), name);
  });
}
