import assert from "node:assert/strict";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { DEFAULT_CAPABILITIES, EngineHost } from "../../helpers/engine-host.js";

describeWith([asRoot, program("/bin/busybox")], "berth exec", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
    host.detached("--name", "box", "-e", "FROM=container", "-w", "/tmp", "-h", "box", "busybox", "sleep", "1000");
  });
  after(async () => {
    host.run("rm", "-f", "box");
    const left = host.leftovers();
    assert.deepEqual(await host.dispose(), []);
    assert.deepEqual(left, []);
  });

  it("runs in the container's namespaces, environment and directory", () => {
    assert.equal(
      host.run("exec", "box", "sh", "-c", "hostname; pwd; echo $FROM; cat /proc/1/comm"),
      "box\n/tmp\ncontainer\nsleep",
    );
  });

  it("has its own streams and exit code", () => {
    const ran = host.try(["exec", "-i", "box", "sh", "-c", "cat; echo err >&2; exit 3"], { input: "in" });
    assert.deepEqual(ran, { status: 3, stdout: "in", stderr: "err\n" });
  });

  it("127 and 126 as in a shell, and 1 when berth itself cannot", () => {
    assert.equal(host.try(["exec", "box", "nosuch"]).status, 127);
    assert.equal(host.try(["exec", "box", "/etc/passwd"]).status, 126);
    assert.equal(host.try(["exec", "none", "true"]).status, 1);
    assert.equal(host.try(["exec", "-w", "/no/such", "box", "true"]).status === 0, false);
    const relative = host.try(["exec", "-w", "tmp", "box", "true"]);
    assert.deepEqual([relative.status, relative.stdout], [1, ""]);
    assert.match(relative.stderr, /^berth: the working directory "tmp" must be an absolute path\n$/);
  });

  it("-e, -w and -u are of this process alone", () => {
    const script = "echo $A; pwd; id -u";
    assert.equal(
      host.run("exec", "-e", "A=1", "-w", "/etc", "-u", "nobody", "box", "sh", "-c", script),
      "1\n/etc\n65534",
    );
    assert.equal(host.run("exec", "box", "sh", "-c", script), "\n/tmp\n0");
  });

  it("has the container's capabilities and filter, and more with --privileged", () => {
    const status = (...flags: readonly string[]): string =>
      host.run("exec", ...flags, "box", "sh", "-c", "grep -e CapEff -e Seccomp: /proc/self/status");
    assert.equal(status(), `CapEff:\t${DEFAULT_CAPABILITIES}\nSeccomp:\t2`);
    assert.doesNotMatch(status("--privileged"), new RegExp(DEFAULT_CAPABILITIES));
  });

  it("a user made in the container meanwhile is found", () => {
    host.run("exec", "box", "sh", "-c", "echo 'late:x:4242:4242::/:/bin/sh' >> /etc/passwd");
    assert.equal(host.run("exec", "-u", "late", "box", "id", "-u"), "4242");
  });

  it("a passwd in a directory that the container made anew is not the image's", () => {
    const entry = "ghost:x:77:77::/:/bin/sh";
    const script = `mkdir /data && echo ${entry} > /data/passwd && ln -sf /data/passwd /etc/passwd`;
    host.run("run", "--name", "linking", "busybox", "sh", "-c", script);
    host.run("commit", "linking", "linked");
    host.detached("--name", "opaque", "linked", "sleep", "1000");
    assert.equal(host.run("exec", "-u", "ghost", "opaque", "id", "-u"), "77");
    host.run("exec", "opaque", "sh", "-c", "rm -rf /data && mkdir /data");
    assert.match(host.try(["exec", "-u", "ghost", "opaque", "id", "-u"]).stderr, /unable to find user ghost/);
    host.run("rm", "-f", "linking", "opaque");
  });

  it("a passwd that the container made a link to the host's is not read there", () => {
    host.run(
      "exec",
      "box",
      "sh",
      "-c",
      "cp /etc/passwd /kept; rm /etc/passwd; ln -s ../../../../../../../../etc/shadow /etc/passwd",
    );
    assert.notEqual(host.try(["exec", "-u", "daemon", "box", "id"]).status, 0);
    host.run("exec", "box", "sh", "-c", "rm /etc/passwd; mv /kept /etc/passwd");
  });

  it("-d returns at once and the process runs on", () => {
    assert.equal(host.run("exec", "-d", "box", "sleep", "777"), "");
    assert.match(host.run("exec", "box", "ps"), /sleep 777/);
  });

  it("a container that does not run has nothing to join", () => {
    host.run("create", "--name", "idle", "busybox", "true");
    const { status, stderr } = host.try(["exec", "idle", "true"]);
    assert.equal(status, 1);
    assert.match(stderr, /^berth: container idle is not running[^\n]*\n$/);
    host.run("rm", "idle");
  });
});
