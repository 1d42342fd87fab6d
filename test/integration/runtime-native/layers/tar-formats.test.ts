import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { removeTree, unpackLayerFile } from "../../../../runtime-native/index.js";
import { layerSandbox, nativeFailure, type LayerSandbox } from "../../../helpers/layer-sandbox.js";
import { paxHeader, paxRecords, tarMember, tarOf } from "../../../helpers/tar-bytes.js";

const bash = (script: string, cwd: string): string => execFileSync("bash", ["-euc", script], { cwd, encoding: "utf8" });

/** Every path below `directory` with all that tar keeps of it. */
function listing(directory: string): string {
  return bash(
    `find . -printf '%p|%y|%m|%U:%G|%T@|%l|%n|' -exec stat -c '%t:%T' {} \\; | LC_ALL=C sort
     find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
     python3 -c "
import os
for d, _, files in sorted(os.walk('.')):
    for f in ['.'] + sorted(files):
        p = os.path.join(d, f)
        print(p.encode(), [(x, os.getxattr(p, x, follow_symlinks=False)) for x in os.listxattr(p, follow_symlinks=False)])
"`,
    directory,
  );
}

const TREE = `
  umask 022
  mkdir -p etc/deep "with space" setgid sticky
  echo plain > etc/plain; chmod 640 etc/plain; chown 12:34 etc/plain
  head -c 3000000 /dev/urandom > etc/large
  ln etc/plain etc/hard; ln -s ../etc/plain etc/deep/soft; ln -s /nowhere dangling
  chown -h 77:88 dangling; chown 3000000:4000000 etc/deep
  mkfifo pipe; mknod null c 1 3; mknod disk b 259 70000
  chmod 2775 setgid; chmod 1777 sticky; install -m 4755 /bin/true setuid
  touch -d '2001-02-03 04:05:06.123456789' etc/plain; touch -h -d '1999-01-01 00:00:00.5' dangling
  long=$(printf 'n%.0s' {1..200}); mkdir -p "$long/$long"; echo deep > "$long/$long/file"; ln -s "$long/$long/file" "long link"
  printf 'ü' > "$(printf 'n\\303\\274me')"
  truncate -s 5M holes; printf head | dd of=holes conv=notrunc status=none; printf tail | dd of=holes bs=1 seek=3000000 conv=notrunc status=none
  touch -d '2010-10-10 10:10:10' sticky etc
`;

describe("tars of all formats", () => {
  let source: string;
  before(() => {
    source = mkdtempSync(join(tmpdir(), "berth-tar-source-"));
    bash(TREE, source);
    bash(
      `python3 -c "
import os
os.setxattr('etc/large', 'user.note', b'value')
os.setxattr('setuid', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))"`,
      source,
    );
  });
  after(async () => {
    await removeTree(source);
  });

  const GNU = "--numeric-owner";
  for (const [name, flags] of Object.entries({
    "PAX with xattrs": `${GNU} --format=posix --xattrs --xattrs-include=*`,
    "PAX, sparse 1.0": `${GNU} --format=posix -S`,
    "PAX, sparse 0.1": `${GNU} --format=posix -S --sparse-version=0.1`,
    "PAX, sparse 0.0": `${GNU} --format=posix -S --sparse-version=0.0`,
    GNU: `${GNU} --format=gnu`,
    "GNU, sparse": `${GNU} --format=gnu -S`,
  })) {
    it(`${name}: unpacked as GNU tar unpacks it`, async () => {
      const work = mkdtempSync(join(tmpdir(), "berth-tar-"));
      try {
        mkdirSync(join(work, "gnu"));
        mkdirSync(join(work, "berth"));
        const layer = join(work, "layer.tar");
        bash(`tar -C '${source}' ${flags} -cf '${layer}' .`, work);
        bash(`tar -C gnu --xattrs --xattrs-include='*' -xpf layer.tar`, work);
        const result = await unpackLayerFile(layer, { target: join(work, "berth"), compression: "auto" });
        assert.deepEqual(result.warnings, []);
        assert.deepEqual(result.impliedDirectories, []);
        const unpacked = listing(join(work, "berth"));
        assert.equal(unpacked, listing(join(work, "gnu")));
        assert.equal(unpacked.includes("security.capability"), flags.includes("--xattrs"));
        if (flags.includes("-S")) {
          assert.ok(statSync(join(work, "berth/holes")).blocks * 512 < 1_000_000, "the holes were written out");
        }
      } finally {
        await removeTree(work);
      }
    });
  }

  describe("header by header", () => {
    let sandbox: LayerSandbox;
    beforeEach(() => {
      sandbox = layerSandbox();
    });
    afterEach(() => {
      sandbox.remove();
    });
    const stat = (path: string): BigIntStats => lstatSync(sandbox.path(path), { bigint: true });

    it("times before 1970 and with nanoseconds", async () => {
      await sandbox.unpack(
        tarOf(
          { path: "old", pax: { mtime: "-1.25" } },
          { path: "new", pax: { mtime: "1234567890.123456789123", atime: "5.5" } },
        ),
      );
      assert.equal(stat("old").mtimeNs, -1_250_000_000n);
      assert.equal(stat("new").mtimeNs, 1_234_567_890_123_456_789n);
      assert.equal(stat("new").atimeNs, 5_500_000_000n);
    });

    it("owners that do not fit, in PAX and base-256, and the one that cannot be", async () => {
      const base256 = (header: Buffer): void => {
        header.fill(0, 108, 116);
        header[108] = 0x80;
        header.writeUInt32BE(4_294_967_294, 112);
      };
      await sandbox.unpack(
        tarOf({ path: "pax", pax: { uid: "3000000", gid: "4294967294" } }, { path: "bin", patch: base256 }),
      );
      assert.equal(stat("pax").uid, 3_000_000n);
      assert.equal(stat("pax").gid, 4_294_967_294n);
      assert.equal(stat("bin").uid, 4_294_967_294n);
      for (const pax of [
        { uid: "4294967295" },
        { gid: "4294967295" },
        { uid: "18446744073709551615" },
        { uid: "-1" },
      ]) {
        await assert.rejects(sandbox.unpack(tarOf({ path: "f", pax })), nativeFailure("LAYER_INVALID"));
      }
    });

    it("global PAX headers for owner and time, which an entry's own overrule", async () => {
      const layer = Buffer.concat([
        paxHeader("g", { uid: "7", mtime: "11" }),
        tarMember({ path: "one", uid: 1 }),
        tarOf({ path: "two", pax: { uid: "8" } }),
      ]);
      await sandbox.unpack(layer);
      assert.deepEqual([stat("one").uid, stat("one").mtimeNs], [7n, 11_000_000_000n]);
      assert.equal(stat("two").uid, 8n);
    });

    it("no global PAX header that renames every entry", async () => {
      const layer = Buffer.concat([paxHeader("g", { path: "all" }), tarOf({ path: "one" })]);
      await assert.rejects(sandbox.unpack(layer), nativeFailure("LAYER_INVALID", /global/));
    });

    it("V7 directories, which are files with a slash", async () => {
      const v7 = (header: Buffer): void => void header.fill(0, 257, 265);
      await sandbox.unpack(
        tarOf({ path: "dir/", type: "\0", patch: v7 }, { path: "dir/f", type: "\0", content: "1", patch: v7 }),
      );
      assert.ok(stat("dir").isDirectory());
      assert.equal(readFileSync(sandbox.path("dir/f"), "utf8"), "1");
    });

    it("set-id bits, which a change of owner would clear", async () => {
      await sandbox.unpack(tarOf({ path: "f", mode: 0o6755, uid: 9, gid: 9, content: "1" }));
      assert.equal(stat("f").mode & 0o7777n, 0o6755n);
    });

    it("nothing that is malformed", async () => {
      const bad: readonly [string, Buffer][] = [
        ["checksum", tarOf({ path: "f", badChecksum: true })],
        ["octal", tarOf({ path: "f", patch: (header) => void header.write("89", 100) })],
        ["negative size", tarOf({ path: "f", patch: (header) => void header.fill(0xff, 124, 136) })],
        ["NUL in a path", tarOf({ path: "f", pax: { path: "a\0b" } })],
        ["PAX length", tarOf({ path: "p", type: "x", content: "99 path=x\n" }, { path: "f" })],
        ["PAX without =", tarOf({ path: "p", type: "x", content: "6 abc\n" }, { path: "f" })],
        ["PAX size", tarOf({ path: "f", pax: { size: "99999999999999999999" } })],
        ["PAX time", tarOf({ path: "f", pax: { mtime: "today" } })],
        ["PAX for nobody", tarOf({ path: "p", type: "x", content: "9 path=x\n" })],
        ["name of 256 bytes", tarOf({ path: "f", pax: { path: "n".repeat(256) } })],
        ["symlink to nothing", tarOf({ path: "l", type: "2" })],
        ["hard link to nothing", tarOf({ path: "l", type: "1" })],
        ["hard link to later", tarOf({ path: "l", type: "1", link: "f" }, { path: "f" })],
        ["hard link to a directory", tarOf({ path: "d", type: "5" }, { path: "l", type: "1", link: "d" })],
        ["hard link to a whiteout", tarOf({ path: ".wh.w" }, { path: "l", type: "1", link: "w" })],
        ["device number", tarOf({ path: "d", type: "3", major: 0o200000 })],
        [
          "sparse runs that overlap",
          tarOf({ path: "f", content: "abcd", pax: { "GNU.sparse.size": "9", "GNU.sparse.map": "0,2,1,2" } }),
        ],
        [
          "sparse run outside",
          tarOf({ path: "f", content: "abcd", pax: { "GNU.sparse.size": "3", "GNU.sparse.map": "0,4" } }),
        ],
        [
          "sparse runs of too little",
          tarOf({ path: "f", content: "abcd", pax: { "GNU.sparse.size": "9", "GNU.sparse.map": "0,3" } }),
        ],
        ["sparse without a map", tarOf({ path: "f", content: "abcd", pax: { "GNU.sparse.size": "9" } })],
        ["sparse 2.0", tarOf({ path: "f", content: "abcd", pax: { "GNU.sparse.major": "2" } })],
        [
          "numbytes without offset",
          Buffer.concat([
            paxRecords("x", [
              ["GNU.sparse.size", "9"],
              ["GNU.sparse.numbytes", "4"],
            ]),
            tarOf({ path: "f", content: "abcd" }),
          ]),
        ],
      ];
      for (const [what, layer] of bad) {
        const own = layerSandbox();
        try {
          await assert.rejects(own.unpack(layer), nativeFailure("LAYER_INVALID"), what);
        } finally {
          own.remove();
        }
      }
    });
  });

  it("a layer file that is no tar at all", async () => {
    const file = join(source, "..", `berth-not-a-tar-${String(process.pid)}`);
    const sandbox = layerSandbox();
    writeFileSync(file, "<html>not found</html>".repeat(100));
    try {
      const options = { target: sandbox.target, compression: "auto" } as const;
      await assert.rejects(unpackLayerFile(file, options), nativeFailure("LAYER_INVALID", /not a tar/));
      const wrong = { ...options, expectedDigest: `sha256:${"0".repeat(64)}` };
      await assert.rejects(unpackLayerFile(file, wrong), nativeFailure("DIGEST_MISMATCH"));
    } finally {
      rmSync(file);
      sandbox.remove();
    }
  });
});
