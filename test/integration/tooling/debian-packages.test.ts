import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { asRoot, describeWith } from "../../helpers/capabilities.js";
import { PROJECT } from "../../helpers/project.js";

const NOBODY = 65534;

describeWith([asRoot], "set-up without root and without sudo", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-tooling-"));
  before(() => {
    cpSync(join(PROJECT, "tooling"), join(directory, "tooling"), { recursive: true });
    chmodSync(directory, 0o755);
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function install(packages: string): { status: number | null; output: string } {
    const script = `
      import { installDebianPackages } from "${directory}/tooling/debian-packages.mjs";
      installDebianPackages(${packages});`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: directory,
      encoding: "utf8",
      uid: NOBODY,
      gid: NOBODY,
      env: { PATH: "/nonexistent" },
    });
    return { status, output: `${stdout}${stderr}` };
  }

  it("names what is missing and prints the one command to run", () => {
    const { status, output } = install(
      `[{ name: "there", file: "/bin/sh" }, { name: "absent", file: "/no/such/file" }]`,
    );
    assert.notEqual(status, 0);
    assert.match(output, /missing from Debian: absent\n/);
    assert.match(output, /apt-get update && apt-get install -y --no-install-recommends absent\n/);
  });

  it("does nothing when nothing is missing", () => {
    assert.deepEqual(install(`[{ name: "there", file: ["/no/such/file", "/bin/sh"] }]`), { status: 0, output: "" });
  });
});
