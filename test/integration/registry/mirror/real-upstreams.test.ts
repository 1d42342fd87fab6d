import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MediaType } from "../../../../oci/media-types.js";
import { startRegistry } from "../../../../registry/index.js";
import { describeWith, program } from "../../../helpers/capabilities.js";
import { runProgram } from "../../../helpers/child-process.js";
import { json, sha256, smallImage, writeLayout, type SmallImage } from "../../../helpers/small-image.js";
import { bytesOf } from "../support/content.js";
import { DockerRegistry } from "../support/docker-registry.js";
import type { TestRegistry } from "../support/test-registry.js";
import { mirrorOf } from "./support/mirror-rig.js";

interface Running {
  readonly host: string;
  stop(): Promise<void>;
}

async function startBerth(directory: string): Promise<Running> {
  const registry = await startRegistry({ root: directory });
  return { host: new URL(registry.url).host, stop: async () => await registry.close() };
}

const PROGRAMS = ["docker-registry", "skopeo", "podman"].map((name) => program(`/usr/bin/${name}`));

const UPSTREAMS = [
  ["berth", startBerth],
  ["docker-registry", async (directory: string) => await DockerRegistry.start(directory)],
] as const;

for (const [kind, startUpstream] of UPSTREAMS) {
  describeWith(PROGRAMS, `a mirror of ${kind}`, () => {
    let directory: string;
    let image: SmallImage;
    let upstream: Running;
    let mirror: TestRegistry;
    let host: string;

    before(async () => {
      image = await smallImage([[{ name: "hello", content: "hello\n" }]]);
    });

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), "berth-mirror-"));
      writeLayout(image, join(directory, "image"), "v1");
      mkdirSync(join(directory, "upstream"));
      upstream = await startUpstream(join(directory, "upstream"));
      for (const name of ["library/hello", "team/app"]) {
        await skopeo(
          "copy",
          "--dest-tls-verify=false",
          `oci:${directory}/image:v1`,
          `docker://${upstream.host}/${name}:v1`,
        );
      }
      const names = { namespaces: ["docker.io"], default: true };
      mirror = await mirrorOf(`http://${upstream.host}`, names);
      host = new URL(mirror.url).host;
    });

    afterEach(async () => {
      await mirror.stop();
      await upstream.stop();
      rmSync(directory, { recursive: true });
    });

    const skopeo = async (...args: string[]): Promise<string> => await runProgram("skopeo", args);

    const pull = async (name: string, to: string): Promise<void> => {
      await skopeo("copy", "--src-tls-verify=false", `docker://${host}/${name}`, `oci:${directory}/${to}:v1`);
    };

    const manifest = async (path: string): Promise<string> =>
      sha256(await bytesOf(await mirror.expect(200, "GET", `/v2/${path}`)));

    it("serves its images by prefix, by namespace, and as if it were the registry itself", async () => {
      for (const path of [
        "up/team/app/manifests/v1",
        "team/app/manifests/v1?ns=docker.io",
        "team/app/manifests/v1",
        "up/hello/manifests/v1",
        "library/hello/manifests/v1?ns=docker.io",
        `up/team/app/manifests/${image.manifest}`,
      ]) {
        assert.equal(await manifest(path), image.manifest, path);
      }
      const elsewhere = await mirror.expectError(404, "NAME_UNKNOWN", "GET", "/v2/team/app/manifests/v1?ns=quay.io");
      assert.equal(elsewhere.headers.get("OCI-Namespace"), null);
      const empty = `blobs/sha256:${"0".repeat(64)}`;
      for (const [status, method, path] of [
        [200, "GET", "manifests/v1"],
        [200, "HEAD", `manifests/${image.manifest}`],
        [404, "GET", "manifests/v2"],
        [404, "HEAD", empty],
        [404, "GET", empty],
        [200, "GET", "tags/list"],
        [200, "GET", `referrers/${image.manifest}`],
      ] as const) {
        const answer = await mirror.expect(status, method, `/v2/team/app/${path}?ns=docker.io`);
        assert.equal(answer.headers.get("OCI-Namespace"), "docker.io", path);
      }
      await mirror.expectError(404, "MANIFEST_UNKNOWN", "GET", "/v2/team/app/manifests/v2");
      await mirror.expectError(404, "BLOB_UNKNOWN", "GET", `/v2/team/app/blobs/sha256:${"0".repeat(64)}`);
    });

    it("follows a tag that moves", async () => {
      assert.equal(await manifest("up/team/app/manifests/v1"), image.manifest);
      const index = json({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] });
      const put = await fetch(`http://${upstream.host}/v2/team/app/manifests/v1`, {
        method: "PUT",
        body: new Uint8Array(index),
        headers: { "content-type": MediaType.ociIndex },
      });
      assert.equal(put.status, 201);
      assert.equal(await manifest("up/team/app/manifests/v1"), sha256(index));
    });

    it("serves skopeo what has been pulled once also when the upstream is stopped", async () => {
      await pull("up/team/app:v1", "first");
      await upstream.stop();
      await pull("up/team/app:v1", "second");
      await pull("team/app:v1", "third");
      await mirror.expectError(502, "UNAVAILABLE", "GET", "/v2/up/library/hello/manifests/v1");
      upstream = await startUpstream(join(directory, "upstream"));
    });

    it("serves podman, which has it for Docker Hub, with the upstream there and then without", async () => {
      const conf = join(directory, "registries.conf");
      const { port } = new URL(mirror.url);
      writeFileSync(
        conf,
        [
          `[[registry]]\nprefix = "docker.io"\nlocation = "registry-that-is-not-there.invalid"`,
          `[[registry.mirror]]\nlocation = "127.0.0.1:${port}"\ninsecure = true\n`,
        ].join("\n"),
      );
      const state = join(directory, "podman");
      const podman = async (...args: string[]): Promise<string> =>
        await runProgram(
          "podman",
          [
            `--root=${state}/storage`,
            `--runroot=${state}/run`,
            `--tmpdir=${state}/tmp`,
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
            ...args,
          ],
          { cwd: directory, env: { ...process.env, CONTAINERS_REGISTRIES_CONF: conf } },
        );
      const id = (await podman("pull", "-q", "docker.io/library/hello:v1")).trim();
      assert.equal(`sha256:${id}`, image.config);
      await podman("rmi", "-f", id);
      await upstream.stop();
      assert.equal((await podman("pull", "-q", "docker.io/library/hello:v1")).trim(), id);
      upstream = await startUpstream(join(directory, "upstream"));
    });

    it("lists tags and referrers as the upstream has them, and its own catalog without them", async () => {
      assert.deepEqual(await (await mirror.expect(200, "GET", "/v2/up/team/app/tags/list")).json(), {
        name: "up/team/app",
        tags: ["v1"],
      });
      const { manifests } = (await (
        await mirror.expect(200, "GET", `/v2/up/team/app/referrers/${image.manifest}`)
      ).json()) as { manifests: unknown[] };
      assert.deepEqual(manifests, []);
      await manifest("up/team/app/manifests/v1");
      assert.deepEqual(await (await mirror.expect(200, "GET", "/v2/_catalog")).json(), { repositories: [] });
    });

    it("takes no push to what it mirrors", async () => {
      for (const name of ["up/team/app", "team/app", "new"]) {
        const to = `docker://${host}/${name}:v2`;
        await assert.rejects(
          skopeo("copy", "--dest-tls-verify=false", `oci:${directory}/image:v1`, to),
          /405|is a copy/,
        );
      }
      await mirror.expectError(405, "UNSUPPORTED", "DELETE", `/v2/up/team/app/manifests/v1`);
    });
  });
}
