import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { asRoot, describeWith } from "../../helpers/capabilities.js";
import { FreshMachine, ON_MACHINE } from "../../helpers/fresh-machine.js";
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

/** In place of apt-get: says how it was called, and whether a server of a package would start. */
const APT_GET = `#!/bin/sh
echo "$@"
[ "$1" = update ] && exit
/usr/sbin/policy-rc.d nginx start && echo starts || echo "does not start"
exit $APT_GET_STATUS`;

describeWith([asRoot], "set-up that installs servers", () => {
  let machine: FreshMachine;
  before(async () => {
    machine = await FreshMachine.start();
    await machine.run(`rm -f /usr/sbin/policy-rc.d
      mkdir /tmp/bin && echo '${APT_GET}' > /tmp/bin/apt-get && chmod 755 /tmp/bin/apt-get`);
  });
  after(async () => {
    assert.deepEqual(await machine.stop(), []);
  });

  const install = async (status: number): Promise<string> =>
    await machine.run(`export PATH=/tmp/bin:$PATH APT_GET_STATUS=${String(status)}
      node --input-type=module -e '
        import { installDebianPackages } from "${ON_MACHINE.project}/tooling/debian-packages.mjs";
        installDebianPackages([{ name: "nginx-light", file: "/no/such/file" }]);' 2>&1 || echo failed
      ls /usr/sbin/policy-rc.d 2>&1 || true`);

  it("starts none of them, and leaves Debian's policy as it was", async () => {
    const output = await install(0);
    assert.match(output, /^update -q\ninstall -q -y --no-install-recommends nginx-light\ndoes not start$/m);
    assert.match(output, /policy-rc\.d': No such file/);
  });

  it("leaves nothing behind when it fails", async () => {
    const output = await install(100);
    assert.match(output, /failed \(100\)[^]*\nfailed\n/);
    assert.match(output, /policy-rc\.d': No such file/);
  });
});
