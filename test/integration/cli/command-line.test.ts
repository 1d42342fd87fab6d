import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BERTH, BerthHost } from "../../helpers/berth-host.js";
import { layoutFiles, smallImage, tarOf } from "../../helpers/small-image.js";

describe("the command line", () => {
  const host = new BerthHost();
  after(() => host.dispose());

  it("a mistake is one line that names the help of its verb", () => {
    for (const args of [["images", "--nosuch"], ["images", "--quie"], ["pull"]]) {
      const { status, stderr } = host.try(args);
      assert.equal(status, 1);
      assert.match(stderr, /^berth: .+ \(see berth (images|pull) --help\)\n$/);
    }
  });

  it("what the system refuses is one line without a stack", () => {
    writeFileSync(join(host.directory, "file"), "");
    const { status, stderr } = host.try(["--root", join(host.directory, "file"), "images"]);
    assert.equal(status, 1);
    assert.match(stderr, /^berth: not a directory, .+\n$/);
  });

  it("output that cannot be written is a failure in one line", () => {
    const full = openSync("/dev/full", "w");
    const ran = spawnSync(process.execPath, [BERTH, "images"], {
      env: host.env,
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    assert.equal(ran.status, 1);
    assert.match(ran.stderr, /^berth: the output could not be written: no space left on device.*\n$/);
  });

  it("--env-file is the container's, also when node starts the program by its first line", () => {
    const missing = join(host.directory, "missing");
    const ran = spawnSync(BERTH, ["run", "--env-file", missing, "image"], { env: host.env, encoding: "utf8" });
    assert.equal(ran.status, 125);
    assert.match(ran.stderr, /^berth: /);
  });

  it("load takes an archive from standard input, and an unfinished one leaves nothing", async () => {
    const image = await smallImage([[{ name: "file", content: "text" }]]);
    const files = layoutFiles(image, "example/app:piped").map(([name, content]) => ({ name, content }));
    const archive = await tarOf(files);
    const load = (input: Buffer) =>
      spawnSync(process.execPath, [BERTH, "load"], { env: { ...host.env, TMPDIR: host.directory }, input });
    assert.equal(load(archive.subarray(0, 600)).status, 1);
    assert.equal(host.run("images", "-q"), "");
    const { status, stdout } = load(archive);
    assert.equal(status, 0);
    assert.match(stdout.toString(), /^Loaded image: example\/app:piped$/m);
    assert.deepEqual(
      readdirSync(host.directory).filter((name) => name.startsWith("berth-load-")),
      [],
    );
  });

  it("docker's management commands and values of switches are understood", () => {
    const listed = host.run("image", "ls", "--no-trunc=true");
    assert.match(listed, /^REPOSITORY +TAG +IMAGE ID/);
    assert.equal(host.run("container", "ls", "--all=false", "-q=true"), "");
  });
});
