import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";
import { PROJECT } from "../../helpers/project.js";
import { waitUntil } from "../../helpers/wait-until.js";

describeWith([asRoot, program("/bin/busybox"), program("/usr/bin/script")], "export and diff", () => {
  let host: EngineHost;
  let directory: string;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  beforeEach(() => {
    directory = mkdtempSync(join(host.directory, "export-"));
  });
  afterEach(() => {
    const all = host.run("ps", "-aq", "--no-trunc").split("\n").filter(Boolean);
    if (all.length > 0) host.run("rm", "-f", ...all);
    assert.deepEqual(host.leftovers(), []);
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  /** Exports by way of `-o` and unpacks with Debian's tar. */
  function exported(container: string): string {
    const [file, tree] = [join(directory, "out.tar"), mkdtempSync(join(directory, "tree-"))];
    host.run("export", "-o", file, container);
    const untar = spawnSync("tar", ["-C", tree, "-xpf", file], { encoding: "utf8" });
    assert.deepEqual([untar.status, untar.stderr], [0, ""]);
    return tree;
  }

  /** `berth ...` in a shell. */
  const shell = (command: string) =>
    spawnSync("bash", ["-c", command], {
      env: { ...host.env, BERTH: `${process.execPath} ${join(PROJECT, "dist/bin/berth.js")}` },
      encoding: "utf8",
    });

  it("of a container that was only created: the image's files and the -init layer's, and nothing is mounted", () => {
    const id = host.run("create", "busybox");
    const tree = exported(id);
    assert.deepEqual(readdirSync(tree), [
      ".dockerenv",
      "bin",
      "dev",
      "etc",
      "home",
      "proc",
      "root",
      "sys",
      "tmp",
      "usr",
      "var",
    ]);
    assert.deepEqual(readdirSync(join(tree, "etc")), ["group", "hostname", "hosts", "mtab", "passwd", "resolv.conf"]);
    assert.equal(statSync(join(tree, "tmp")).mode & 0o7777, 0o1777);
    const [busybox, sh] = [statSync(join(tree, "bin/busybox")), statSync(join(tree, "bin/sh"))];
    assert.equal(busybox.ino, sh.ino);
    assert.equal(host.run("start", id), id);
  });

  it("of a stopped container: with what it has added, changed and deleted", () => {
    host.run(
      "run",
      "--name",
      "stopped",
      "busybox",
      "sh",
      "-c",
      "echo a > /added; rm /etc/group; rm -r /usr; mkdir /usr; ln -s /added /usr/l",
    );
    const tree = exported("stopped");
    assert.equal(readFileSync(join(tree, "added"), "utf8"), "a\n");
    assert.deepEqual(readdirSync(join(tree, "usr")), ["l"]);
    assert.equal(readdirSync(join(tree, "etc")).includes("group"), false);
  });

  it("of a running container: as it is now, without what is mounted into it, and it runs on", () => {
    const source = join(directory, "volume");
    mkdirSync(source);
    writeFileSync(join(source, "secret"), "secret");
    host.detached("--name", "running", "-v", `${source}:/mnt`, "busybox", "sleep", "100");
    host.run("exec", "running", "sh", "-c", "echo now > /now; echo > /dev/shm/x");
    const tree = exported("running");
    assert.equal(readFileSync(join(tree, "now"), "utf8"), "now\n");
    for (const name of ["proc", "sys", "mnt", "dev/shm"]) assert.deepEqual(readdirSync(join(tree, name)), [], name);
    assert.equal(readFileSync(join(tree, "etc/resolv.conf"), "utf8"), "");
    assert.equal(host.run("exec", "running", "cat", "/now"), "now");
  });

  it("of a busy container, whose files come and go while they are read", () => {
    const churn =
      "while :; do mkdir -p /t/d; for i in 1 2 3 4 5; do echo > /t/d/$i; ln -s x /t/d/l$i; done; rm -r /t/d; done";
    host.detached("--name", "busy", "busybox", "sh", "-c", churn);
    for (let i = 0; i < 5; i++) host.run("export", "-o", join(directory, "busy.tar"), "busy");
    assert.equal(spawnSync("tar", ["-tf", join(directory, "busy.tar")]).status, 0);
  });

  it("never follows a link out of the container", () => {
    writeFileSync(join(directory, "host-secret"), "secret");
    host.run(
      "run",
      "--name",
      "attack",
      "busybox",
      "sh",
      "-c",
      `ln -s ${directory} /out; rm -r /home; ln -s ${directory} /home; ln -s /proc/1/root /up`,
    );
    const tree = exported("attack");
    assert.equal(readlinkSync(join(tree, "out")), directory);
    assert.ok(lstatSync(join(tree, "home")).isSymbolicLink());
    assert.equal(
      spawnSync("tar", ["-tf", join(directory, "out.tar")], { encoding: "utf8" }).stdout.includes("host-secret"),
      false,
    );
  });

  it("streams to standard output, which must not be a terminal", () => {
    const id = host.run("create", "busybox");
    host.run("export", "-o", join(directory, "file.tar"), id);
    const piped = shell(`set -o pipefail; $BERTH export ${id} | cmp - ${join(directory, "file.tar")}`);
    assert.deepEqual([piped.status, piped.stdout, piped.stderr], [0, "", ""]);
    const closed = shell(
      `$BERTH export ${id} 2>${join(directory, "err")} | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}`,
    );
    assert.equal(closed.stdout, "1\n");
    assert.match(readFileSync(join(directory, "err"), "utf8"), /^berth: failed to export .*\n$/);
    const terminal = shell(`script -qec "$BERTH export ${id}" /dev/null </dev/null`);
    assert.equal(terminal.status, 1);
    assert.match(terminal.stdout, /^berth: .*-o FILE.*\r\n$/);
  });

  it("-o replaces a file in one step, for its owner only, and through a link what it points to", () => {
    const id = host.run("create", "busybox");
    const file = join(directory, "old.tar");
    writeFileSync(file, "old", { mode: 0o644 });
    symlinkSync("old.tar", join(directory, "link.tar"));
    host.run("export", "-o", join(directory, "link.tar"), id);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(spawnSync("tar", ["-tf", file]).status, 0);
    assert.deepEqual(readdirSync(directory).sort(), ["link.tar", "old.tar"]);
  });

  it("a failure is one line, and leaves neither half a file nor a lock on the container", () => {
    const id = host.run("create", "busybox");
    const full = join(directory, "full");
    mkdirSync(full);
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full]).status, 0);
    try {
      const failing: [readonly string[], RegExp][] = [
        [["-o", join(full, "x.tar"), id], /no space left/],
        [["-o", "/dev/null", id], /not a regular file/],
        [["-o", directory, id], /not a regular file/],
        [["-o", join(directory, "nowhere/x.tar"), id], /ENOENT/],
        [["-o", join(directory, "x.tar"), "nobody"], /no such container: nobody/],
      ];
      for (const [args, message] of failing) {
        const { status, stderr } = host.try(["export", ...args]);
        assert.equal(status, 1);
        assert.match(stderr, /^berth: [^\n]*\n$/);
        assert.match(stderr, message);
      }
      assert.deepEqual(readdirSync(full), []);
      assert.deepEqual(readdirSync(directory), ["full"]);
      assert.ok(statSync("/dev/null").isCharacterDevice());
    } finally {
      spawnSync("umount", [full]);
    }
    assert.equal(host.run("start", id), id);
  });

  it("Ctrl-C is obeyed at once and leaves no half of a file", async () => {
    // A hole, which takes longer to write out than anybody takes to interrupt it.
    host.run("run", "--name", "large", "busybox", "truncate", "-s", "8G", "/m");
    const child = host.start("export", "-o", join(directory, "large.tar"), "large");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await waitUntil("the export writes", () => readdirSync(directory).length > 0);
    child.kill("SIGTERM");
    assert.equal(await ended, 1);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("diff lists what was added, changed and deleted, also while the container runs", async () => {
    assert.equal(host.run("diff", host.run("create", "--name", "fresh", "busybox")), "");
    const script =
      "mkdir /new; echo > /new/file; echo x >> /etc/passwd; rm /etc/group; rm -r /usr; mkdir /usr; echo > /usr/own; echo ready; sleep 100";
    host.detached("--name", "changed", "busybox", "sh", "-c", script);
    await waitUntil("it has written", () => host.run("logs", "changed") !== "");
    const expected = [
      "C /etc",
      "D /etc/group",
      "C /etc/passwd",
      "A /new",
      "A /new/file",
      "C /usr",
      "D /usr/bin",
      "A /usr/own",
      "D /usr/sbin",
    ];
    assert.deepEqual(host.run("diff", "changed").split("\n"), expected);
    host.run("kill", "changed");
    host.run("wait", "changed");
    assert.deepEqual(host.run("diff", "changed").split("\n"), expected);
  });

  it("diff prints names so that they cannot forge a line or move the terminal's cursor", () => {
    host.run("run", "--name", "forger", "busybox", "sh", "-c", 'touch "/$(printf "a\\nD b\\033[2J")"');
    assert.equal(host.run("diff", "forger"), "A /a\\x0aD b\\x1b[2J");
  });
});
