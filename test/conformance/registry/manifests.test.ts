import assert from "node:assert/strict";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
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
import { TestRegistry } from "../../integration/registry/support/test-registry.js";

const NAME = "conformance/manifests";
const SUBJECT = { mediaType: MediaType.ociManifest, digest: `sha256:${"1".repeat(64)}` as Digest, size: 7 };

interface Listed {
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: object;
}

/** OCI distribution-spec v1.1, "Pushing Manifests", "Pulling manifests", "Content Management", "Listing Referrers". */
describe("distribution-spec: manifests", () => {
  let registry: TestRegistry;

  before(async () => {
    registry = await TestRegistry.start();
  });

  after(async () => {
    await registry.stop();
  });

  const referrersOf = async (digest: string, query = ""): Promise<Listed[]> => {
    const answer = await registry.expect(200, "GET", `/v2/${NAME}/referrers/${digest}${query}`);
    assert.equal(answer.headers.get("Content-Type"), MediaType.ociIndex);
    return ((await answer.json()) as { manifests: Listed[] }).manifests;
  };

  const tags = async (query = ""): Promise<string[]> => {
    const answer = await registry.expect(200, "GET", `/v2/${NAME}/tags/list${query}`);
    return ((await answer.json()) as { tags: string[] }).tags;
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

  const shapes: Record<string, () => Promise<Described>> = {
    image: async () => await imageIn(registry, NAME),
    "docker image": async () => {
      const config = { mediaType: MediaType.dockerConfig, ...contentOf('{"docker":true}') };
      await pushBlob(registry, NAME, config);
      return documentOf(MediaType.dockerManifest, { config: descriptorOf(config), layers: [] });
    },
    index: async () => {
      const children = [await pushed(await imageIn(registry, NAME)), await pushed(await imageIn(registry, NAME))];
      return documentOf(MediaType.ociIndex, { manifests: children.map(descriptorOf) });
    },
    "nested index": async () => {
      const inner = documentOf(MediaType.ociIndex, {
        manifests: [descriptorOf(await pushed(await imageIn(registry, NAME)))],
      });
      return documentOf(MediaType.ociIndex, { manifests: [descriptorOf(await pushed(inner))] });
    },
    "empty index": async () => await Promise.resolve(documentOf(MediaType.ociIndex, { manifests: [] })),
    "docker manifest list": async () =>
      documentOf(MediaType.dockerManifestList, {
        manifests: [descriptorOf(await pushed(await imageIn(registry, NAME)))],
      }),
    "artifact with its own type": async () => await artifact({ artifactType: "application/x.sbom" }),
    "artifact typed by its config": async () => await imageIn(registry, NAME, { annotations: { a: "b" } }),
    "index with an artifact type": async () =>
      await Promise.resolve(documentOf(MediaType.ociIndex, { artifactType: "application/x.bundle", manifests: [] })),
    "image with a subject": async () =>
      await imageIn(registry, NAME, { subject: descriptorOf(await pushed(await imageIn(registry, NAME))) }),
    "artifact with a missing subject": async () =>
      await artifact({ artifactType: "application/x.sig", subject: SUBJECT }),
    "index with a subject": async () =>
      await Promise.resolve(documentOf(MediaType.ociIndex, { subject: SUBJECT, manifests: [] })),
    "large manifest": async () => await artifact({ annotations: { text: "x".repeat(4 * 1024 * 1024 - 2000) } }),
    "unknown media type": async () =>
      await Promise.resolve(
        documentOf("application/vnd.example.thing.v1+json", { anything: [1, { digest: "no digest" }] }),
      ),
    "extra fields": async () => await imageIn(registry, NAME, { "x-extra": { nested: [1, 2] } }),
    "foreign layer that is not there": async () =>
      await imageIn(registry, NAME, { layers: [{ ...SUBJECT, mediaType: MediaType.dockerForeignLayerGzip }] }),
  };

  for (const [shape, make] of Object.entries(shapes)) {
    it(`pushes, lists, pulls, refers to and deletes: ${shape}`, async () => {
      const manifest = await make();
      const tag = shape.replaceAll(" ", "-");
      const { headers } = await putManifest(registry, NAME, tag, manifest);
      assert.equal(headers.get("Location"), `/v2/${NAME}/manifests/${manifest.digest}`);
      assert.equal(headers.get("Docker-Content-Digest"), manifest.digest);
      assert.ok((await tags()).includes(tag));
      const { subject } = JSON.parse(manifest.bytes.toString()) as { subject?: { digest: string } };
      assert.equal(headers.get("OCI-Subject"), subject?.digest ?? null);
      for (const reference of [tag, manifest.digest]) {
        for (const method of ["HEAD", "GET"]) {
          const answer = await registry.expect(200, method, `/v2/${NAME}/manifests/${reference}`, {
            headers: { Accept: "application/x.something.else" },
          });
          assert.equal(answer.headers.get("Content-Type"), manifest.mediaType);
          assert.equal(answer.headers.get("Content-Length"), String(manifest.bytes.length));
          assert.equal(answer.headers.get("Docker-Content-Digest"), manifest.digest);
          if (method === "GET") assert.deepEqual(await bytesOf(answer), manifest.bytes);
        }
      }
      if (subject) assert.ok((await referrersOf(subject.digest)).some(({ digest }) => digest === manifest.digest));
      await registry.expect(202, "DELETE", `/v2/${NAME}/manifests/${manifest.digest}`);
      for (const reference of [tag, manifest.digest]) {
        await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", `/v2/${NAME}/manifests/${reference}`);
      }
      assert.ok(!(await tags()).includes(tag));
      if (subject) assert.ok((await referrersOf(subject.digest)).every(({ digest }) => digest !== manifest.digest));
      await putManifest(registry, NAME, tag, manifest);
      await registry.expect(200, "GET", `/v2/${NAME}/manifests/${tag}`);
      await registry.expect(202, "DELETE", `/v2/${NAME}/manifests/${tag}`);
      await registry.expect(404, "GET", `/v2/${NAME}/manifests/${tag}`);
      await registry.expect(200, "GET", `/v2/${NAME}/manifests/${manifest.digest}`);
    });
  }

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

  it("has empty lists when it is new", async () => {
    const fresh = await TestRegistry.start();
    const answer = await fresh.expect(200, "GET", "/v2/_catalog");
    assert.equal(await answer.text(), '{"repositories":[]}');
    await fresh.stop();
  });
});
