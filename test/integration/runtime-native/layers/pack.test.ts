import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import {
  adoptDirectories,
  packLayer,
  removeTree,
  unpackLayerFile,
  type Compression,
} from "../../../../runtime-native/index.js";
import { nativeFailure } from "../../../helpers/layer-sandbox.js";

const bash = (script: string, cwd: string): string => execFileSync("bash", ["-euc", script], { cwd, encoding: "utf8" });
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const LIST = `find . -printf '%p|%y|%m|%U:%G|%T@|%l|%n|%s\\n' | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort`;

const TREE = `
  mkdir -p b/c a; echo one > a/one; ln a/one b/two; ln -s ../../etc b/c/soft; mkfifo pipe; mknod zero c 1 5
  long=$(printf 'long%.0s' {1..30})/$(printf 'path%.0s' {1..30})/$(printf 'name%.0s' {1..30}); mkdir -p $long; echo x > $long/file
  echo ü > 'ümläut'; chown 5000000:6 a; chmod 4711 a/one; touch -d '1969-12-31 23:59:58.75 UTC' a; touch -d @99999999999 b
  head -c 1000000 /dev/urandom > random
`;

describe("packLayer", () => {
  let work: string;
  let source: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "berth-pack-"));
    source = join(work, "source");
    mkdirSync(source);
    chmodSync(source, 0o755);
  });
  afterEach(async () => {
    await removeTree(work);
  });
  const pack = (compression: Compression, name = "layer", overlayWhiteouts = false) =>
    packLayer({ source, output: join(work, name), compression, overlayWhiteouts });

  for (const compression of ["none", "gzip", "zstd"] as const) {
    it(`gives a layer (${compression}) that unpacks to the same tree, with the digests of its bytes`, async () => {
      bash(TREE, source);
      const packed = await pack(compression);
      const bytes = readFileSync(join(work, "layer"));
      assert.deepEqual([packed.digest, packed.size], [sha256(bytes), bytes.length]);
      if (compression === "gzip") assert.equal(packed.diffId, sha256(gunzipSync(bytes)));
      if (compression === "none") assert.equal(packed.diffId, packed.digest);
      mkdirSync(join(work, "again"));
      const expected = { expectedDigest: packed.digest, expectedDiffId: packed.diffId, expectedSize: packed.size };
      const options = { target: join(work, "again"), compression: "auto", ...expected } as const;
      const unpacked = await unpackLayerFile(join(work, "layer"), options);
      assert.equal(unpacked.compression, compression);
      assert.deepEqual(unpacked.impliedDirectories, []);
      assert.equal(unpacked.contentSize, packed.contentSize);
      assert.equal(bash(LIST, join(work, "again")), bash(LIST, source));
      mkdirSync(join(work, "gnu"));
      if (compression !== "none") return;
      bash("tar -C gnu --numeric-owner -xpf layer", work);
      assert.equal(bash(LIST, join(work, "gnu")), bash(LIST, source));
    });
  }

  it("gives the same bytes each time, whatever order the directory is in", async () => {
    bash("for i in $(seq 300); do echo $i > f$i; done; touch -d @1000 *", source);
    const first = await pack("gzip", "one");
    bash("mkdir ../n; mv f* ../n; for i in $(seq 300 -1 1); do mv ../n/f$i .; done; touch -d @2000 .", source);
    bash("touch -d @2000 source", work);
    const second = await pack("gzip", "two");
    const third = await pack("gzip", "three");
    assert.equal(second.digest, third.digest);
    assert.equal(second.entries, first.entries);
  });

  it("turns overlay whiteouts and opaque directories into .wh. entries, and back again", async () => {
    bash("mkdir d; mknod d/gone c 0 0; echo 1 > d/own; mkdir o; echo 2 > o/f", source);
    bash(
      `python3 -c "
import os
os.setxattr('o', 'trusted.overlay.opaque', b'y')
os.setxattr('o', 'trusted.overlay.overlay.note', b'nested')
os.setxattr('d', 'trusted.overlay.origin', b'x')"`,
      source,
    );
    const packed = await pack("none", "layer", true);
    assert.equal(
      bash("tar tf layer", work),
      ["./", "d/", "d/.wh.gone", "d/own", "o/", "o/.wh..wh..opq", "o/f", ""].join("\n"),
    );
    const tar = readFileSync(join(work, "layer"), "latin1");
    assert.ok(!tar.includes("overlay.opaque") && !tar.includes("overlay.origin"));
    assert.ok(tar.includes("SCHILY.xattr.trusted.overlay.note=nested"));
    mkdirSync(join(work, "again"));
    await unpackLayerFile(join(work, "layer"), { target: join(work, "again"), compression: "none" });
    await packLayer({
      source: join(work, "again"),
      output: join(work, "second"),
      compression: "none",
      overlayWhiteouts: true,
    });
    assert.equal(sha256(readFileSync(join(work, "second"))), packed.digest);
  });

  it("refuses what would be lost: overlayfs's references, names that read as whiteouts", async () => {
    bash(`mkdir d; python3 -c "import os; os.setxattr('d', 'trusted.overlay.redirect', b'/x')"`, source);
    await assert.rejects(pack("none", "layer", true), nativeFailure("LAYER_INVALID", /redirect/));
    bash("rmdir d; echo 1 > .wh.file", source);
    await assert.rejects(pack("none"), nativeFailure("LAYER_INVALID", /whiteout/));
    assert.ok(!existsSync(join(work, "layer")), "a failed pack left its output");
  });

  it("leaves sockets out and follows no link out of the source", async () => {
    symlinkSync("/etc", join(source, "etc"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(source, "socket"), resolve));
    try {
      const packed = await pack("none");
      assert.equal(packed.entries, 2);
      assert.equal(
        bash("tar tvf layer | awk '{print $1, $6, $7, $8}'", work),
        "drwxr-xr-x ./  \nlrwxrwxrwx etc -> /etc\n",
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("does not overwrite its output, nor leave one when the source is missing", async () => {
    writeFileSync(join(work, "layer"), "mine");
    await assert.rejects(pack("gzip"), nativeFailure("SYSTEM", /layer: File exists/));
    assert.equal(readFileSync(join(work, "layer"), "utf8"), "mine");
    source = join(work, "missing");
    await assert.rejects(pack("gzip", "other"), nativeFailure("SYSTEM", /missing: No such file/));
    assert.ok(!existsSync(join(work, "other")));
  });
});

describe("adoptDirectories", () => {
  let work: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "berth-adopt-"));
  });
  afterEach(async () => {
    await removeTree(work);
  });

  it("takes mode, owner, times and xattrs from the topmost lower layer that has the directory", async () => {
    bash(
      `mkdir -p diff/a/b diff/w diff/l top/a low/a/b low/w low/l outside
       chmod 700 top/a; chmod 1750 low/a/b; chown 5:6 low/a/b; chmod 711 low/w low/l; mknod top/w c 0 0; ln -s "$PWD/outside" top/l
       python3 -c "
import os
os.setxattr('low/a/b', 'user.note', b'kept')
os.setxattr('low/a/b', 'trusted.overlay.opaque', b'y')"
       touch -d @1000.5 low/a/b; touch -d @2000 top/a; chmod 750 top; chmod 755 low diff outside; chmod 755 diff/*`,
      work,
    );
    const path = (name: string): string => join(work, name);
    await adoptDirectories(path("diff"), [path("top"), path("low")], [".", "a", "a/b", "w", "l"]);
    assert.equal(
      bash("stat -c '%n %a %u:%g %Y' diff/a diff/a/b; stat -c '%n %a' diff diff/w diff/l", work),
      "diff/a 700 0:0 2000\ndiff/a/b 1750 5:6 1000\ndiff 750\ndiff/w 755\ndiff/l 755\n",
    );
    const xattrs = `python3 -c "import os; print(os.listxattr('diff/a/b'))"`;
    assert.equal(bash(xattrs, work), "['user.note']\n");
  });
});
