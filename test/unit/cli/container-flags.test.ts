import assert from "node:assert/strict";

import { parseByteSize, parseInteger, parseNanoCpus } from "../../../cli/container/byte-size.js";
import { containerFilter } from "../../../cli/container/container-filter.js";
import { DetachKeys, parseDetachKeys } from "../../../cli/container/detach-keys.js";
import { parseDeviceFlag, parseMountFlag, parseUlimitFlag } from "../../../cli/container/mount-flag.js";

describe("values of container flags", () => {
  it("sizes are in powers of 1024", () => {
    const sizes = ["64m", "64M", "64mb", "64MiB", "1.5k", "7", "1g"].map((text) => parseByteSize(text, "-m"));
    assert.deepEqual(sizes, [67108864, 67108864, 67108864, 67108864, 1536, 7, 1073741824]);
    for (const text of ["", "m", "-1", "1x", "1e9", "0x10", "9999999999t"]) {
      assert.throws(() => parseByteSize(text, "-m"), { code: "USAGE" }, text);
    }
  });

  it("numbers and CPUs", () => {
    assert.equal(parseNanoCpus("0.2"), 200_000_000);
    assert.equal(parseInteger("-1", "--x"), -1);
    assert.equal(parseNanoCpus("0"), 0);
    for (const text of ["-1", "x", "", "1e3"]) assert.throws(() => parseNanoCpus(text), { code: "USAGE" }, text);
    assert.throws(() => parseInteger("1.5", "--x"), { code: "USAGE" });
  });

  it("--mount by fields; unknown ones are refused", () => {
    assert.deepEqual(parseMountFlag("type=bind,src=/a,dst=/b,ro"), {
      Type: "bind",
      Source: "/a",
      Target: "/b",
      ReadOnly: true,
    });
    assert.deepEqual(parseMountFlag("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").TmpfsOptions, {
      SizeBytes: 1048576,
      Mode: 0o700,
    });
    assert.throws(() => parseMountFlag("type=bind,source=/a"), { code: "USAGE" });
    assert.throws(() => parseMountFlag("type=bind,source=/a,target=/b,colour=red"), { code: "USAGE" });
    assert.throws(() => parseMountFlag("source=v,target=/b"), { code: "UNSUPPORTED" });
  });

  it("--mount readonly takes Docker's words, and nothing else leaves the mount writable in silence", () => {
    const isReadonly = (value: string) => parseMountFlag(`type=bind,src=/a,dst=/b,readonly=${value}`).ReadOnly;
    for (const value of ["1", "t", "True", "TRUE"]) assert.equal(isReadonly(value), true, value);
    for (const value of ["0", "f", "False"]) assert.equal(isReadonly(value), false, value);
    for (const value of ["yes", "on", ""]) assert.throws(() => isReadonly(value), { code: "USAGE" }, value);
    for (const mode of ["18", "rwx", "-1", ""]) {
      assert.throws(() => parseMountFlag(`type=tmpfs,target=/t,tmpfs-mode=${mode}`), { code: "USAGE" }, mode);
    }
  });

  it("--device and --ulimit", () => {
    assert.deepEqual(parseDeviceFlag("/dev/a:/dev/b:rw"), {
      PathOnHost: "/dev/a",
      PathInContainer: "/dev/b",
      CgroupPermissions: "rw",
    });
    assert.deepEqual(parseDeviceFlag("/dev/a:r").CgroupPermissions, "r");
    assert.throws(() => parseDeviceFlag("/dev/a:/dev/b:x"), { code: "USAGE" });
    assert.deepEqual(parseUlimitFlag("nofile=5"), { Name: "nofile", Soft: 5, Hard: 5 });
    assert.throws(() => parseUlimitFlag("nofile"), { code: "USAGE" });
  });

  it("filters are known by name, and a bad pattern is refused", () => {
    assert.throws(() => containerFilter(["colour=red"]), { code: "USAGE" });
    assert.throws(() => containerFilter(["constructor=x"]), { code: "USAGE" });
    assert.throws(() => containerFilter(["status"]), { code: "USAGE" });
    assert.throws(() => containerFilter(["name=["]), { code: "USAGE" });
  });
});

describe("detach keys", () => {
  const filter = (...chunks: readonly number[][]) => {
    const keys = new DetachKeys(parseDetachKeys("ctrl-p,ctrl-q"));
    return chunks.map((chunk) => keys.filter(Uint8Array.from(chunk))).map(({ pass, detach }) => [[...pass], detach]);
  };

  it("are found also when they come one by one", () => {
    assert.deepEqual(filter([97, 16, 17]), [[[97], true]]);
    assert.deepEqual(filter([16], [17]), [
      [[], false],
      [[], true],
    ]);
  });

  it("a beginning that came to nothing is typed after all", () => {
    assert.deepEqual(filter([16, 97]), [[[16, 97], false]]);
    assert.deepEqual(filter([16], [16], [17]), [
      [[], false],
      [[16], false],
      [[], true],
    ]);
  });

  it("other keys than control and single characters are refused", () => {
    assert.deepEqual([...parseDetachKeys("ctrl-a,x")], [1, 120]);
    assert.throws(() => parseDetachKeys("alt-x"), { code: "USAGE" });
  });
});
