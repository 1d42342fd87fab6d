import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost } from "../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../helpers/capabilities.js";
import { runProgram } from "../helpers/child-process.js";
import { debianRootfs } from "../helpers/debian-rootfs.js";

interface Image {
  Id: string;
  RepoDigests: string[];
  RootFS: { Layers: string[] };
}

const needs = [asRoot, program("/usr/sbin/debootstrap"), program("/usr/bin/skopeo")];

describeWith(needs, "a real Debian image goes from push to a running, limited process", function () {
  this.timeout(900_000);
  const host = new BerthHost();
  let address = "";
  let reference = "";
  before(async () => {
    const rootfs = await debianRootfs();
    address = await host.startRegistry();
    reference = `${address}/debian:12`;
    host.run("import", rootfs, reference);
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  const skopeo = async (...args: string[]): Promise<string> => await runProgram("skopeo", args, { timeoutMs: 300_000 });

  it("push, rmi, pull and run --memory 64m --cpus 0.2 print what they should", () => {
    const pushed = host.run("push", reference, reference);
    const digest = /digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed)?.[1];
    assert.ok(digest, pushed);
    host.run("rmi", reference);
    assert.equal(host.run("images", "-q"), "");
    assert.deepEqual(readdirSync(join(host.root, "image/overlay2/layerdb/sha256")), []);
    const pulled = host.run("pull", reference);
    assert.match(pulled, new RegExp(`^Digest: ${digest}$`, "m"));
    assert.match(pulled, /^Status: Downloaded newer image for /m);
    const release = host.run("run", "--rm", "--memory", "64m", "--cpus", "0.2", reference, "cat", "/etc/os-release");
    assert.match(release, /^PRETTY_NAME="Debian GNU\/Linux 12 \(bookworm\)"$/m);
  });

  it("a second pull fetches nothing and says so", () => {
    assert.match(host.run("pull", reference), /^Status: Image is up to date for /m);
  });

  it("the limits are those of the container's own cgroup", () => {
    const script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null | head -n 1";
    assert.equal(host.run("run", "--rm", "--memory", "64m", reference, "sh", "-c", script), String(64 << 20));
  });

  it("skopeo inspect agrees on the digest, and skopeo pulls what berth pushed", async () => {
    const ours = host.inspect<Image>(reference);
    const theirs = JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${reference}`)) as {
      Digest: string;
    };
    assert.ok(
      ours.RepoDigests.some((name) => name.endsWith(`@${theirs.Digest}`)),
      JSON.stringify(ours.RepoDigests),
    );
    const layout = join(host.directory, "pulled-by-skopeo");
    await skopeo("copy", "--src-tls-verify=false", `docker://${reference}`, `oci:${layout}:debian`);
    const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
    assert.equal(index.manifests[0]?.digest, theirs.Digest);
  });

  it("what skopeo pushed, in OCI and in Docker's schema 2, is pulled and run", async () => {
    const layout = join(host.directory, "pulled-by-skopeo");
    for (const format of ["oci", "v2s2"]) {
      const pushed = `${address}/by-skopeo/${format}:12`;
      await skopeo("copy", "--format", format, "--dest-tls-verify=false", `oci:${layout}:debian`, `docker://${pushed}`);
      host.run("pull", pushed);
      assert.equal(host.run("run", "--rm", pushed, "cat", "/etc/debian_version").split(".")[0], "12");
    }
  });

  it("an OCI layout, and an archive in the form of docker save, are pushed as they are", async () => {
    const layout = join(host.directory, "pulled-by-skopeo");
    const archive = join(host.directory, "saved.tar");
    await skopeo("copy", `oci:${layout}:debian`, `docker-archive:${archive}:example.org/debian:saved`);
    for (const [source, name] of [
      [layout, "from-layout"],
      [archive, "from-archive"],
    ] as const) {
      host.run("push", source, `${address}/${name}:1`);
      host.run("pull", `${address}/${name}:1`);
      assert.match(host.run("run", "--rm", `${address}/${name}:1`, "cat", "/etc/debian_version"), /^12\./);
    }
  });

  it("an interactive terminal is one: stty knows its size and the shell its job", () => {
    const { status, stdout } = host.try(["run", "--rm", "-t", reference, "sh", "-c", "test -t 0 && test -t 1 && tty"]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\/dev\/(pts\/0|console)/);
  });

  it("a detached container outlives the command, and its logs and exit code are there afterwards", () => {
    const id = host.run("run", "-d", reference, "sh", "-c", "echo out; echo err >&2; exit 7");
    assert.equal(host.run("wait", id), "7");
    const { stdout, stderr } = host.try(["logs", id]);
    assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
    assert.match(host.run("ps", "-a"), /Exited \(7\)/);
    host.run("rm", id);
  });

  it("exit codes are docker's: the command's own, 127 not found, 126 not executable, 125 berth's own, 128 + signal", () => {
    const status = (...args: string[]): number => host.try(["run", "--rm", ...args]).status;
    assert.equal(status(reference, "sh", "-c", "exit 3"), 3);
    assert.equal(status(reference, "/no/such/command"), 127);
    assert.equal(status(reference, "/etc/passwd"), 126);
    assert.equal(status("--no-such-flag", reference, "true"), 125);
    assert.equal(status(`${address}/no/such:image`, "true"), 125);
    const killed = host.run("run", "-d", reference, "sleep", "100");
    host.run("kill", killed);
    assert.equal(host.run("wait", killed), "137");
    host.run("rm", killed);
  });

  it("rmi of the last name removes every layer and blob", () => {
    for (const line of host.run("images", "-q", "--no-trunc").split("\n").filter(Boolean))
      host.try(["rmi", "-f", line]);
    assert.equal(host.run("images", "-q"), "");
    const left = ["overlay2/l", "content/blobs/sha256", "image/overlay2/layerdb/sha256"].flatMap((directory) =>
      existsSync(join(host.root, directory)) ? readdirSync(join(host.root, directory)) : [],
    );
    assert.deepEqual(left, []);
  });
});
