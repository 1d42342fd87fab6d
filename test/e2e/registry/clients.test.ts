import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
import { freePort } from "../../helpers/free-port.js";
import { S3_SERVER, s3Server } from "../../helpers/s3-server/shared-s3-server.js";
import { smallImage, writeLayout, type SmallImage } from "../../helpers/small-image.js";
import { ServedRegistry } from "./served-registry.js";
import { onBucket, onFilesystem } from "./store-config.js";

const CLIENTS = ["/usr/bin/skopeo", "/usr/bin/podman", "/usr/bin/buildah"].map(program);

describeWith([asRoot, ...CLIENTS], "Debian's clients and a registry on a filesystem", () => {
  describeClients(async (directory) => await Promise.resolve(onFilesystem(directory)));
});

describeWith([asRoot, ...CLIENTS, ...S3_SERVER], "Debian's clients and a registry on a bucket", () => {
  before(async () => {
    await s3Server();
  });
  describeClients(async (directory) => (await onBucket(directory)).config);
});

function describeClients(configure: (directory: string) => Promise<string>): void {
  let directory: string;
  let registry: ServedRegistry;
  let image: SmallImage;

  before(async () => {
    // podman makes an image's name of the directory, so it has no capital letters; and it takes 50 characters at most.
    directory = join(tmpdir(), `bc-${randomUUID().slice(0, 8)}`);
    mkdirSync(directory);
    registry = new ServedRegistry(await configure(directory), `127.0.0.1:${String(await freePort())}`);
    await registry.start();
    image = await smallImage([[{ name: "one", content: "one" }], [{ name: "two", content: "two" }]]);
    writeLayout(image, directory, "v1");
  });

  after(async () => {
    await registry.stop();
    rmSync(directory, { recursive: true });
  });

  const local = (): string => `oci:${directory}:v1`;

  /** Storage of its own for each, so that what is pulled has to come from the registry. */
  async function run(client: "podman" | "buildah", store: string, ...args: readonly string[]): Promise<string> {
    const places = ["--root", join(directory, store, "root"), "--runroot", join(directory, store, "run")];
    const more = client === "podman" ? ["--cgroup-manager", "cgroupfs", "--events-backend", "none"] : [];
    const output = await runProgram(client, [...places, "--storage-driver", "vfs", ...more, ...args]);
    return output.trim();
  }

  it("skopeo pushes an image and gets the same bytes back", async () => {
    const remote = `docker://${registry.host}/from/skopeo:v1`;
    await runProgram("skopeo", ["copy", "--dest-tls-verify=false", local(), remote]);
    await runProgram("skopeo", ["copy", "--src-tls-verify=false", remote, `dir:${directory}/copy`]);
    const digest = await runProgram("skopeo", ["manifest-digest", `${directory}/copy/manifest.json`]);
    assert.equal(digest.trim(), image.manifest);
    await runProgram("skopeo", ["delete", "--tls-verify=false", remote]);
    await assert.rejects(runProgram("skopeo", ["inspect", "--tls-verify=false", remote]), /manifest unknown/);
  });

  for (const client of ["podman", "buildah"] as const) {
    it(`${client} pushes an image, and another one's storage gets it`, async () => {
      const remote = `${registry.host}/from/${client}:v1`;
      const id = await run(client, `${client}-1`, "pull", "-q", local());
      await run(client, `${client}-1`, "push", "-q", "--tls-verify=false", id, remote);
      assert.equal(await run(client, `${client}-2`, "pull", "-q", "--tls-verify=false", remote), id);
      assert.equal(`sha256:${id}`, image.config);
    });
  }
}
