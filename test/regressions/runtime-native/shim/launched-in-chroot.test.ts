import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost } from "../../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { importBusybox } from "../../../helpers/lesson-images.js";
import { PROJECT } from "../../../helpers/project.js";

// Found when berth ran in a chroot: pivot_root had replaced the chroot only, and setns enters the namespace's root above it.
describeWith([asRoot, program("/bin/busybox")], "a container that was started from a chroot", () => {
  const host = new BerthHost();
  const marker = join(host.directory, "of-the-host");
  let id = "";
  before(async () => {
    await importBusybox(host, "busybox");
    writeFileSync(marker, "");
    const chroot = join(host.directory, "chroot");
    mkdirSync(chroot);
    const berth = [process.execPath, join(PROJECT, "dist/bin/berth.js"), "run", "-d", "busybox", "sleep", "1000"];
    const script = 'mount --rbind / "$0" && exec chroot "$0" "$@"';
    const ran = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script, chroot, ...berth], {
      encoding: "utf8",
      env: host.env,
    });
    assert.equal(ran.status, 0, ran.stderr);
    id = ran.stdout.trim();
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  it("is all that exec sees", () => {
    assert.equal(host.run("exec", id, "readlink", "/proc/1/root"), "/");
    assert.equal(host.try(["exec", id, "ls", marker]).status, 1);
    assert.deepEqual(
      host.run("exec", id, "ls", "/").split("\n"),
      host.run("run", "--rm", "busybox", "ls", "/").split("\n"),
    );
  });

  it("has the mounts that any container has", () => {
    const mounts = ["cut", "-d", " ", "-f", "2", "/proc/mounts"];
    const ofAny = host.run("run", "--rm", "busybox", ...mounts).split("\n");
    assert.deepEqual(
      host
        .run("exec", id, ...mounts)
        .split("\n")
        .toSorted(),
      ofAny.toSorted(),
    );
  });
});
