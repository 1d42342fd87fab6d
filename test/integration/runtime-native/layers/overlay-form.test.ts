import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";

import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { tarOf } from "../../../helpers/tar-bytes.js";

function xattr(path: string, name: string): string | undefined {
  try {
    return execFileSync(
      "python3",
      ["-c", `import os,sys;print(os.getxattr(sys.argv[1],sys.argv[2]).decode())`, path, name],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    ).trim();
  } catch {
    return undefined;
  }
}

describe("the overlay form of a layer", () => {
  let sandbox: LayerSandbox;
  beforeEach(() => {
    sandbox = layerSandbox();
  });
  afterEach(() => {
    sandbox.remove();
  });
  const opaque = (path: string): string | undefined => xattr(sandbox.path(path), "trusted.overlay.opaque");
  const isWhiteout = (path: string): boolean => {
    const status = lstatSync(sandbox.path(path));
    return status.isCharacterDevice() && status.rdev === 0;
  };

  it("has a character device 0:0 for a whiteout", async () => {
    const { impliedDirectories } = await sandbox.unpack(tarOf({ path: "etc/.wh.motd" }));
    assert.ok(isWhiteout("etc/motd"));
    assert.deepEqual(readdirSync(sandbox.path("etc")), ["motd"]);
    assert.deepEqual(impliedDirectories, [".", "etc"]);
  });

  it("has an xattr for an opaque directory, and no marker in it", async () => {
    const { impliedDirectories } = await sandbox.unpack(tarOf({ path: "etc/.wh..wh..opq" }));
    assert.equal(opaque("etc"), "y");
    assert.deepEqual(readdirSync(sandbox.path("etc")), []);
    assert.deepEqual(impliedDirectories, [".", "etc"]);
  });

  it("uses the user.* names when asked to", async () => {
    await sandbox.unpack(tarOf({ path: "etc/.wh..wh..opq" }), { userxattr: true });
    assert.equal(xattr(sandbox.path("etc"), "user.overlay.opaque"), "y");
    assert.equal(opaque("etc"), undefined);
  });

  for (const members of [
    [{ path: "d/.wh.x" }, { path: "d/deep/.wh.y" }, { path: "d/.wh..wh..opq" }, { path: "d/own", content: "1" }],
    [{ path: "d/.wh..wh..opq" }, { path: "d/own", content: "1" }, { path: "d/.wh.x" }, { path: "d/deep/.wh.y" }],
  ]) {
    it(`drops whiteouts inside an opaque directory, markers ${members[0]!.path} first`, async () => {
      await sandbox.unpack(tarOf(...members));
      assert.equal(opaque("d"), "y");
      assert.deepEqual(readdirSync(sandbox.path("d")).sort(), ["deep", "own"]);
      assert.deepEqual(readdirSync(sandbox.path("d/deep")), []);
    });
  }

  it("makes an opaque directory of a whiteout with entries below, in either order", async () => {
    const described = { path: "d", type: "5", mode: 0o700 };
    const orders = [
      [{ path: ".wh.d" }, { path: "d/f", content: "1" }],
      [{ path: "d/f", content: "1" }, { path: ".wh.d" }],
      [{ path: ".wh.d" }, described, { path: "d/f", content: "1" }],
      [described, { path: "d/f", content: "1" }, { path: ".wh.d" }],
    ];
    for (const order of orders) {
      const own = layerSandbox();
      try {
        const { impliedDirectories } = await own.unpack(tarOf(...order));
        assert.equal(xattr(own.path("d"), "trusted.overlay.opaque"), "y");
        assert.equal(readFileSync(own.path("d/f"), "utf8"), "1");
        // What was deleted below has no metadata to take over.
        assert.deepEqual(impliedDirectories, ["."]);
      } finally {
        own.remove();
      }
    }
  });

  it("passes over aufs's own entries", async () => {
    await sandbox.unpack(
      tarOf(
        { path: ".wh..wh.plnk", type: "5" },
        { path: ".wh..wh.plnk/12.34", content: "1" },
        { path: ".wh..wh.aufs" },
      ),
    );
    assert.deepEqual(readdirSync(sandbox.target), []);
  });

  it("refuses whiteouts with entries below them", async () => {
    const layer = tarOf({ path: ".wh.d/f", content: "1" });
    await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID", /below/));
  });

  it("escapes overlayfs's own xattrs, so that an image cannot speak to the overlay it is mounted in", async () => {
    const pax = {
      "SCHILY.xattr.trusted.overlay.opaque": "y",
      "SCHILY.xattr.trusted.overlay.redirect": "/etc",
      "SCHILY.xattr.user.overlay.opaque": "y",
      "SCHILY.xattr.security.selinux": "label",
      "SCHILY.xattr.user.note": "kept",
    };
    await sandbox.unpack(tarOf({ path: "d", type: "5", pax }));
    assert.equal(opaque("d"), undefined);
    assert.equal(xattr(sandbox.path("d"), "trusted.overlay.redirect"), undefined);
    assert.equal(xattr(sandbox.path("d"), "user.overlay.opaque"), undefined);
    assert.equal(xattr(sandbox.path("d"), "trusted.overlay.overlay.redirect"), "/etc");
    assert.equal(xattr(sandbox.path("d"), "user.note"), "kept");
  });

  it("reports the directories that the layer left out, parents first, and no others", async () => {
    const { impliedDirectories } = await sandbox.unpack(
      tarOf(
        { path: "./", type: "5", mode: 0o755 },
        { path: "a/b/c/f", content: "1" },
        { path: "a/b", type: "5" },
        { path: "gone/f", content: "1" },
        { path: "gone", content: "a file now" },
      ),
    );
    assert.deepEqual(impliedDirectories, ["a", "a/b/c"]);
  });

  it("reports directories by where they are, not by the symlink that led there", async () => {
    const { impliedDirectories } = await sandbox.unpack(
      tarOf(
        { path: "usr/lib", type: "5" },
        { path: "lib", type: "2", link: "usr/lib" },
        { path: "lib/new/f", content: "1" },
      ),
    );
    assert.deepEqual(impliedDirectories, [".", "usr", "usr/lib/new"]);
  });

  it("leaves what it refuses for the caller to remove, with nothing outside the target", async () => {
    const layer = tarOf({ path: "ok", content: "1" }, { path: "bad", badChecksum: true });
    await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID", /checksum/));
    assert.ok(existsSync(sandbox.target));
  });
});
