import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeOciLayout } from "../../helpers/oci-layout.js";
import { runProgram } from "../../helpers/child-process.js";
import { TestRegistry } from "./support/test-registry.js";

describe("registry with skopeo", () => {
  it("takes an OCI layout, shows it, and gives back the same blobs", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-skopeo-"));
    const registry = await TestRegistry.start();
    try {
      const files = join(directory, "files");
      mkdirSync(files);
      writeFileSync(join(files, "hello"), "hello\n");
      await writeOciLayout(join(directory, "in"), "v1", [
        { directory: files, createdBy: "first" },
        { directory: directory, createdBy: "second" },
      ]);
      const { host } = new URL(registry.url);
      const image = `docker://${host}/library/x/manifests:v1`;
      await runProgram("skopeo", ["copy", "--dest-tls-verify=false", `oci:${directory}/in:v1`, image]);
      const inspected = JSON.parse(await runProgram("skopeo", ["inspect", "--tls-verify=false", image])) as {
        Digest: string;
        RepoTags: string[];
      };
      assert.deepEqual(inspected.RepoTags, ["v1"]);
      await registry.expect(200, "HEAD", `/v2/library/x/manifests/manifests/${inspected.Digest}`);
      await runProgram("skopeo", ["copy", "--src-tls-verify=false", image, `oci:${directory}/out:v1`]);
      const blobs = (layout: string): string[] => readdirSync(join(directory, layout, "blobs/sha256")).sort();
      assert.deepEqual(blobs("out"), blobs("in"));
      await runProgram("skopeo", ["delete", "--tls-verify=false", image]);
      await registry.expectError(404, "MANIFEST_UNKNOWN", "GET", "/v2/library/x/manifests/manifests/v1");
    } finally {
      await registry.stop();
      rmSync(directory, { recursive: true });
    }
  });
});
