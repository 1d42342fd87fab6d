import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";

import { HOST_CONTENT, layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf } from "../../../helpers/tar-bytes.js";

describe("a layer that tries to leave its directory", () => {
  let sandbox: LayerSandbox;
  let before: string[];
  beforeEach(() => {
    sandbox = layerSandbox();
    before = readdirSync(sandbox.directory).sort();
  });
  afterEach(() => {
    try {
      assert.equal(readFileSync(sandbox.hostFile, "utf8"), HOST_CONTENT);
      assert.equal(statSync(sandbox.hostFile).mode & 0o7777, 0o600);
      assert.equal(statSync(sandbox.hostFile).nlink, 1);
      assert.deepEqual(readdirSync(sandbox.directory).sort(), before);
    } finally {
      sandbox.remove();
    }
  });

  it("has its absolute paths taken as relative to its own root", async () => {
    await sandbox.unpack(tarOf({ path: sandbox.hostFile, content: "evil" }));
    assert.equal(readFileSync(sandbox.path(sandbox.hostFile), "utf8"), "evil");
  });

  for (const path of ["../host-file", "a/../../host-file", "/../host-file", ".."]) {
    it(`is refused for the path ${path}`, async () => {
      const refused = nativeFailure("LAYER_INVALID", /leads out/);
      await assert.rejects(sandbox.unpack(tarOf({ path, content: "evil" })), refused);
    });
  }

  it("cannot speak to the terminal through its names", async () => {
    const path = "../\u001b]0;evil\u0007\u009b2J\n";
    await assert.rejects(sandbox.unpack(tarOf({ path: "p", pax: { path } })), (error: Error) => {
      assert.match(error.message, /\\x1b\]0;evil\\x07\\xc2\\x9b2J\\x0a/);
      return true;
    });
  });

  it("may use .. inside its root", async () => {
    await sandbox.unpack(tarOf({ path: "a/../b", content: "fine" }));
    assert.equal(readFileSync(sandbox.path("b"), "utf8"), "fine");
  });

  for (const link of ["..", "../../../../../../../..", "absolute"]) {
    it(`writes through a symlink (${link}) only inside its root`, async () => {
      const target = link === "absolute" ? sandbox.directory : link;
      await sandbox.unpack(tarOf({ path: "out", type: "2", link: target }, { path: "out/host-file", content: "evil" }));
      assert.equal(readlinkSync(sandbox.path("out")), target);
    });
  }

  it("replaces a symlink instead of writing a file through it", async () => {
    await sandbox.unpack(tarOf({ path: "f", type: "2", link: sandbox.hostFile }, { path: "f", content: "evil" }));
    assert.equal(readFileSync(sandbox.path("f"), "utf8"), "evil");
    assert.ok(lstatSync(sandbox.path("f")).isFile());
  });

  it("makes a directory in the place of a symlink instead of using what it points to", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "d", type: "2", link: sandbox.directory },
        { path: "d", type: "5", mode: 0o777 },
        { path: "d/host-file", content: "evil" },
      ),
    );
    assert.ok(lstatSync(sandbox.path("d")).isDirectory());
    assert.equal(readFileSync(sandbox.path("d/host-file"), "utf8"), "evil");
  });

  it("goes on in the right directory when a directory it used becomes a symlink", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "d", type: "5" },
        { path: "d/one", content: "1" },
        { path: "d", type: "2", link: ".." },
        { path: "d/host-file", content: "evil" },
      ),
    );
    assert.equal(readFileSync(sandbox.path("host-file"), "utf8"), "evil");
    assert.equal(existsSync(sandbox.path("d/one")), false);
  });

  it("cannot make a hard link to a file of the host", async () => {
    for (const link of [sandbox.hostFile, "../host-file", "out/host-file"]) {
      const layer = tarOf({ path: "out", type: "2", link: sandbox.directory }, { path: "hard", type: "1", link });
      await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID"));
    }
  });

  it("links a symlink itself, not what it points to", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "soft", type: "2", link: sandbox.hostFile },
        { path: "hard", type: "1", link: "soft", mode: 0o4777 },
      ),
    );
    assert.equal(readlinkSync(sandbox.path("hard")), sandbox.hostFile);
  });

  // CVE-2021-32760: the mode of a hard link's header was set through the symlink that it linked to.
  it("cannot change the mode of a host's file through links", async () => {
    await sandbox.unpack(
      tarOf(
        { path: "soft", type: "2", link: sandbox.hostFile, mode: 0o777 },
        { path: "hard", type: "1", link: "soft", mode: 0o777 },
      ),
    );
    assert.equal(statSync(sandbox.hostFile).mode & 0o7777, 0o600);
  });

  // CVE-2021-29136: a symlink in the place of the root, through which the rest was then written.
  for (const path of [".", "./", "/", "a/.."]) {
    it(`cannot replace its root (${path})`, async () => {
      const layer = tarOf({ path, type: "2", link: sandbox.directory }, { path: "host-file", content: "evil" });
      await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID", /root is not a directory/));
      assert.ok(lstatSync(sandbox.target).isDirectory());
    });
  }

  it("cannot put a whiteout outside", async () => {
    for (const path of ["../.wh.host-file", ".wh...", ".wh..", ".wh."]) {
      await assert.rejects(sandbox.unpack(tarOf({ path })), nativeFailure("LAYER_INVALID"));
    }
    await sandbox.unpack(tarOf({ path: "out", type: "2", link: ".." }, { path: "out/.wh.host-file" }));
    assert.ok(lstatSync(sandbox.path("host-file")).isCharacterDevice());
  });

  it("has dangling symlinks in its paths completed inside the root", async () => {
    const layer = tarOf({ path: "run", type: "2", link: "/../../elsewhere/deep" }, { path: "run/pid", content: "1" });
    const { impliedDirectories } = await sandbox.unpack(layer);
    assert.equal(readFileSync(sandbox.path("elsewhere/deep/pid"), "utf8"), "1");
    assert.deepEqual(impliedDirectories, [".", "elsewhere", "elsewhere/deep"]);
  });

  it("is refused when its symlinks go round in circles", async () => {
    const layer = tarOf(
      { path: "a", type: "2", link: "b" },
      { path: "b", type: "2", link: "a" },
      { path: "a/file", content: "1" },
    );
    await assert.rejects(sandbox.unpack(layer));
  });

  it("is unpacked where a symlinked target points, when the caller says so", async () => {
    const real = join(sandbox.directory, "target", "real");
    mkdirSync(real);
    symlinkSync("real", sandbox.path("alias"));
    await sandbox.unpack(tarOf({ path: "f", content: "1" }), { target: sandbox.path("alias") });
    assert.deepEqual(readdirSync(real), [basename("f")]);
  });
});
