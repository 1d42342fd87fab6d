import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { digestOf, type Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { collectGarbage } from "../../../registry/collector/collect.js";
import {
  importDistribution,
  type ImportFinding,
  type ImportSummary,
} from "../../../registry/migration/import-distribution.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { ContentBundle } from "../../conformance/registry/content-bundle.js";
import { runProgram } from "../../helpers/child-process.js";
import { descriptorOf, imageIn, putManifest } from "./support/content.js";
import { DockerRegistry } from "./support/docker-registry.js";
import { TestRegistry } from "./support/test-registry.js";

const REPOSITORIES = ["library/multi", "team/copy", "team"];

describe("import-distribution", () => {
  let directory: string;
  let root: string;
  let distribution: DockerRegistry | undefined;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-import-"));
    root = join(directory, "registry");
    distribution = await DockerRegistry.start(root);
  });

  afterEach(async () => {
    await distribution?.stop();
    rmSync(directory, { recursive: true });
  });

  const host = (): string => distribution?.host ?? assert.fail("docker-registry does not run");

  const push = async (name: string, bundle: ContentBundle): Promise<void> => {
    const send = async (
      status: number,
      method: string,
      path: string,
      body?: Buffer,
      type?: string,
    ): Promise<Response> => {
      const answer = await fetch(new URL(path, `http://${host()}`), {
        method,
        ...(body && { body: new Uint8Array(body) }),
        ...(type !== undefined && { headers: { "Content-Type": type } }),
      });
      assert.equal(answer.status, status, `${method} ${path}: ${await answer.text()}`);
      return answer;
    };
    for (const { bytes, digest } of bundle.blobs) {
      const begun = await send(202, "POST", `/v2/${name}/blobs/uploads/`);
      const place = new URL(begun.headers.get("Location") ?? "");
      place.searchParams.set("digest", digest);
      await send(201, "PUT", place.href, bytes);
    }
    for (const { bytes, digest, mediaType } of bundle.manifests) {
      const tags = [...bundle.tags].filter(([, named]) => named === digest).map(([tag]) => tag);
      for (const reference of [digest, ...tags]) {
        await send(201, "PUT", `/v2/${name}/manifests/${reference}`, bytes, mediaType);
      }
    }
  };

  /** Two tags of one multi-arch index, one of an image; then copied by skopeo, which mounts, to other repositories. */
  const fill = async (): Promise<ContentBundle> => {
    const bundle = new ContentBundle();
    bundle.index([bundle.image(), bundle.image()], { tag: "v1" });
    bundle.tags.set("latest", bundle.tags.get("v1") ?? assert.fail());
    bundle.image({ tag: "single" });
    await push(REPOSITORIES[0] ?? "", bundle);
    for (const name of REPOSITORIES.slice(1)) {
      await runProgram("skopeo", [
        "copy",
        "--all",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        `docker://${host()}/${REPOSITORIES[0] ?? ""}:v1`,
        `docker://${host()}/${name}:copied`,
      ]);
    }
    return bundle;
  };

  const run = async (findings: ImportFinding[] = []): Promise<ImportSummary> => {
    const store = await FilesystemObjectStore.open(root);
    try {
      return await importDistribution(store, { onFinding: (finding) => findings.push(finding) });
    } finally {
      await store.close();
    }
  };

  const bytesBelow = (path: string): number =>
    readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

  /** Everything a client can see, with every blob's bytes held against its digest. */
  const allOf = async (at: string, name: string): Promise<Record<string, string>> => {
    const seen: Record<string, string> = {};
    const get = async (path: string): Promise<Response> => {
      const answer = await fetch(`http://${at}/v2/${name}/${path}`, {
        headers: { Accept: `${MediaType.ociIndex}, ${MediaType.ociManifest}` },
      });
      assert.equal(answer.status, 200, `${name}/${path}`);
      return answer;
    };
    const walk = async (reference: string): Promise<void> => {
      const answer = await get(`manifests/${reference}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      const digest = digestOf(bytes);
      seen[`manifest ${reference}`] = `${answer.headers.get("Content-Type") ?? ""} ${digest}`;
      const {
        manifests = [],
        layers = [],
        config,
      } = JSON.parse(bytes.toString()) as Record<"manifests" | "layers", { digest: Digest }[] | undefined> & {
        config?: { digest: Digest };
      };
      for (const child of manifests) await walk(child.digest);
      for (const blob of config === undefined ? [] : [config, ...layers]) {
        const content = Buffer.from(await (await get(`blobs/${blob.digest}`)).arrayBuffer());
        assert.equal(digestOf(content), blob.digest);
        seen[`blob ${blob.digest}`] = String(content.length);
      }
    };
    const { tags } = (await (await get("tags/list")).json()) as { tags: string[] };
    for (const tag of tags.sort()) await walk(tag);
    return seen;
  };

  it("serves what distribution served, byte for byte, without a copy of any blob", async () => {
    await fill();
    await distribution?.stop();
    distribution = await DockerRegistry.start(root, { readOnly: true });
    const findings: ImportFinding[] = [];
    const summary = await run(findings);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      { ...summary, manifests: summary.manifests >= 9 },
      { repositories: 3, blobs: 9 + 6 + 6, manifests: true, tags: 5, lost: 0 },
    );
    const registry = await TestRegistry.start({ root });
    try {
      const own = new URL(registry.url).host;
      for (const name of REPOSITORIES) assert.deepEqual(await allOf(own, name), await allOf(host(), name));
      const inspect = async (at: string): Promise<unknown> =>
        JSON.parse(
          await runProgram("skopeo", ["inspect", "--tls-verify=false", `docker://${at}/library/multi:single`]),
        );
      const [here, there] = [await inspect(own), await inspect(host())] as { RepoTags: string[] }[];
      // Distribution 2.8 does not sort them.
      there?.RepoTags.sort();
      assert.deepEqual({ ...here, Name: "" }, { ...there, Name: "" });
      await runProgram("skopeo", [
        "copy",
        "--all",
        "--src-tls-verify=false",
        `docker://${own}/team/copy:copied`,
        `dir:${directory}/out`,
      ]);
      // Manifests are written anew, and nothing else.
      assert.ok(bytesBelow("data") < 10_000);
      const catalog = await (await registry.expect(200, "GET", "/v2/_catalog")).json();
      assert.deepEqual(catalog, { repositories: [...REPOSITORIES].sort() });
    } finally {
      await registry.stop();
    }
  });

  it("does nothing twice, brings in what came since, and leaves what was changed here", async () => {
    await fill();
    await run();
    assert.deepEqual(await run(), { repositories: 3, blobs: 0, manifests: 0, tags: 0, lost: 0 });
    const more = new ContentBundle();
    const moved = more.image({ tag: "latest" });
    await push("library/multi", more);
    await push("new", more);
    const registry = await TestRegistry.start({ root });
    try {
      const own = await imageIn(registry, "library/multi");
      await putManifest(registry, "library/multi", "single", own);
      await registry.expect(202, "DELETE", "/v2/team/manifests/copied");
      const findings: ImportFinding[] = [];
      assert.deepEqual(await run(findings), { repositories: 4, blobs: 6, manifests: 2, tags: 2, lost: 0 });
      assert.deepEqual(findings.map(({ repository, what, kind }) => `${kind} ${repository}:${what}`).sort(), [
        "kept library/multi:single",
        "kept team:copied",
      ]);
      const digestAt = async (path: string): Promise<string | null> =>
        (await registry.expect(200, "HEAD", path)).headers.get("Docker-Content-Digest");
      assert.equal(await digestAt("/v2/library/multi/manifests/latest"), moved.digest);
      assert.equal(await digestAt("/v2/library/multi/manifests/single"), own.digest);
      await registry.expect(404, "HEAD", "/v2/team/manifests/copied");
    } finally {
      await registry.stop();
    }
  });

  it("says what is damaged or missing there, and imports the rest", async () => {
    const bundle = await fill();
    const [gone, torn] = [bundle.blobs[0]?.digest ?? assert.fail(), bundle.manifests[1]?.digest ?? assert.fail()];
    const dataOf = (digest: string): string =>
      join(root, "docker/registry/v2/blobs/sha256", digest.slice(7, 9), digest.slice(7), "data");
    rmSync(dataOf(gone));
    writeFileSync(dataOf(torn), "{");
    const findings: ImportFinding[] = [];
    const { lost } = await run(findings);
    assert.equal(lost, findings.length);
    for (const digest of [gone, torn]) {
      assert.equal(findings.filter(({ what }) => what === digest).length, REPOSITORIES.length, digest);
    }
    const registry = await TestRegistry.start({ root });
    try {
      await registry.expect(200, "GET", "/v2/library/multi/manifests/single");
      // The index is served as distribution serves it: what is left of it can be pulled.
      await registry.expect(200, "GET", "/v2/library/multi/manifests/v1");
      await registry.expect(404, "GET", `/v2/library/multi/manifests/${torn}`);
      await registry.expect(404, "GET", `/v2/library/multi/blobs/${gone}`);
    } finally {
      await registry.stop();
    }
  });

  it("refuses a directory that is not distribution's", async () => {
    const store = await FilesystemObjectStore.open(join(directory, "else"));
    await assert.rejects(importDistribution(store, { onFinding: () => undefined }), { code: "USAGE" });
  });

  it("loses nothing to the collector, which gives up adopted bytes only when nobody can go back and nothing names them", async () => {
    const bundle = await fill();
    await run();
    const registry = await TestRegistry.start({ root });
    try {
      const own = new URL(registry.url).host;
      const image = await imageIn(registry, "fresh");
      await putManifest(registry, "fresh", "v1", image);
      const before = await allOf(own, "team");
      const only = bundle.manifests.find(({ digest }) => digest === bundle.tags.get("single")) ?? assert.fail();
      await registry.expect(202, "DELETE", `/v2/library/multi/manifests/${only.digest}`);
      const store = await FilesystemObjectStore.open(root);
      const { deletedBlobs, shared } = await collectGarbage(store, { graceMs: 0 });
      assert.deepEqual([deletedBlobs, shared], [0, 3]);
      const repositories = join(root, "docker/registry/v2/repositories");
      renameSync(repositories, join(directory, "repositories"));
      const report = await collectGarbage(store, { graceMs: 0 });
      renameSync(join(directory, "repositories"), repositories);
      // The config and two layers of the one image; imageIn pushes two layers that its manifest names.
      assert.equal(report.deletedBlobs, 3);
      assert.deepEqual(await allOf(own, "team"), before);
      for (const name of ["library/multi", "team/copy", "fresh"]) await allOf(own, name);
      const { layers } = JSON.parse(only.bytes.toString()) as { layers: { digest: Digest }[] };
      for (const { digest } of layers) {
        const path = `docker/registry/v2/blobs/sha256/${digest.slice(7, 9)}/${digest.slice(7)}/data`;
        assert.equal(await store.stat(path), undefined);
      }
      await store.close();
      const findings: ImportFinding[] = [];
      await run(findings);
      assert.deepEqual(
        findings.filter(({ kind }) => kind === "lost").map(({ repository }) => repository),
        ["library/multi", "library/multi", "library/multi"],
      );
      assert.deepEqual(await allOf(own, "team"), before);
    } finally {
      await registry.stop();
    }
  });

  it("takes new pushes beside what was adopted, and shares its blobs", async () => {
    const bundle = await fill();
    await run();
    const registry = await TestRegistry.start({ root });
    try {
      const before = bytesBelow("data");
      const blob = bundle.blobs[0] ?? assert.fail();
      // Already there, under its name in distribution's tree.
      await registry.expect(201, "POST", `/v2/fresh/blobs/uploads/?digest=${blob.digest}`, {
        body: new Uint8Array(blob.bytes),
      });
      await registry.expect(201, "POST", `/v2/mounted/blobs/uploads/?mount=${blob.digest}&from=library/multi`);
      assert.equal(bytesBelow("data"), before);
      const image = await imageIn(registry, "fresh", { subject: descriptorOf(bundle.manifests[0] ?? assert.fail()) });
      await putManifest(registry, "fresh", "v1", image);
      await registry.expect(200, "GET", "/v2/fresh/manifests/v1");
      await registry.expect(206, "GET", `/v2/mounted/blobs/${blob.digest}`, { headers: { Range: "bytes=0-9" } });
    } finally {
      await registry.stop();
    }
  });
});
