import assert from "node:assert/strict";

import { capabilityPlan, chooseCapabilities } from "../../../engine/spec/capabilities.js";
import { mergeCommand } from "../../../engine/spec/command-line.js";
import { mergeEnvironment, processEnvironment } from "../../../engine/spec/environment.js";
import { parseBind } from "../../../engine/spec/bind-specification.js";
import { parseSecurityOptions } from "../../../engine/spec/security-options.js";
import { parseSignal } from "../../../engine/spec/signals.js";
import { checkSysctls } from "../../../engine/spec/sysctls.js";
import { tmpfsMount } from "../../../engine/spec/tmpfs-options.js";
import { rlimitsOf } from "../../../engine/spec/resource-limit-names.js";
import { splitDeviceNumber } from "../../../engine/spec/devices.js";

const ALL = 2n ** 41n - 1n;

describe("command of a container", () => {
  const image = { Entrypoint: ["/entry"], Cmd: ["default"] };

  it("the user's command replaces the image's, and the entrypoint stays", () => {
    assert.deepEqual(mergeCommand(image, { command: [] }), { entrypoint: ["/entry"], command: ["default"] });
    assert.deepEqual(mergeCommand(image, { command: ["x"] }), { entrypoint: ["/entry"], command: ["x"] });
  });

  it("the user's entrypoint takes the image's command away too", () => {
    assert.deepEqual(mergeCommand(image, { entrypoint: ["/own"], command: [] }), {
      entrypoint: ["/own"],
      command: null,
    });
    assert.deepEqual(mergeCommand(image, { entrypoint: [""], command: ["x"] }), { entrypoint: null, command: ["x"] });
  });

  it("nothing to run is an error", () => {
    assert.throws(() => mergeCommand({}, { command: [] }), { code: "USAGE" });
    assert.throws(() => mergeCommand({ Entrypoint: null, Cmd: null }, { command: [] }), { code: "USAGE" });
  });
});

describe("environment of a container", () => {
  it("later values replace earlier ones in place, and a bare name takes it away", () => {
    assert.deepEqual(mergeEnvironment(["A=1", "B=2"], ["C=3", "A=4"], ["B"]), ["A=4", "C=3"]);
  });

  it("the image's own PATH and HOME win over the defaults", () => {
    const facts = { hostname: "h", tty: true, home: "/root" };
    assert.deepEqual(processEnvironment(["PATH=/x", "HOME=/y"], facts), [
      "PATH=/x",
      "HOSTNAME=h",
      "TERM=xterm",
      "HOME=/y",
    ]);
  });
});

describe("capabilities of a container", () => {
  const choose = (add: string[], drop: string[], bounding = ALL) =>
    chooseCapabilities({ privileged: false, devicesLimited: true, add, drop }, bounding);

  it("--cap-drop ALL with --cap-add leaves what was added, and ALL with a drop all but that", () => {
    assert.deepEqual(choose(["NET_ADMIN"], ["all"]), ["CAP_NET_ADMIN"]);
    assert.equal(choose(["ALL"], ["SYS_ADMIN"]).length, 40);
    assert.equal(choose([], []).length, 14);
  });

  it("what this process lacks is left out by default and refused when asked for", () => {
    const withoutKill = ALL & ~(1n << 5n);
    assert.ok(!choose([], [], withoutKill).includes("CAP_KILL"));
    assert.throws(() => choose(["KILL"], [], withoutKill), { code: "PRIVILEGE" });
    assert.throws(() => choose(["FLY"], []), { code: "USAGE" });
  });

  it("where devices cannot be limited, MKNOD has to be asked for", () => {
    const request = { privileged: false, devicesLimited: false, drop: [] };
    assert.equal(chooseCapabilities({ ...request, add: [] }, ALL).length, 13);
    assert.ok(chooseCapabilities({ ...request, add: ["MKNOD"] }, ALL).includes("CAP_MKNOD"));
  });

  it("CVE-2022-24769: root holds them, others only the bounding set, nobody an ambient or inheritable one", () => {
    assert.deepEqual(capabilityPlan(["CAP_CHOWN"], 0), { bounding: 1n, effective: 1n, permitted: 1n, ambient: 0n });
    assert.deepEqual(capabilityPlan(["CAP_CHOWN"], 7), { bounding: 1n, effective: 0n, permitted: 0n, ambient: 0n });
  });
});

describe("mounts asked for", () => {
  it("-v with options", () => {
    assert.deepEqual(parseBind("/a:/b:ro,rslave"), {
      source: "/a",
      target: "/b",
      readonly: true,
      propagation: "rslave",
    });
    assert.equal(parseBind("/a:/b").propagation, "rprivate");
  });

  it("volumes, the root, .. and unknown options are refused", () => {
    for (const text of ["vol:/x", "/anonymous"]) assert.throws(() => parseBind(text), { code: "UNSUPPORTED" }, text);
    for (const text of ["/a:/", "/a:b", "/a:/../b", "/a:/b:exec", "/a:/b:ro:z"]) {
      assert.throws(() => parseBind(text), { code: "USAGE" }, text);
    }
  });

  it("a tmpfs is nosuid, nodev and noexec unless said otherwise; what is not a tmpfs option is refused", () => {
    assert.deepEqual(tmpfsMount("/t", "size=1m,exec").options, {
      readonly: false,
      nosuid: true,
      nodev: true,
      noexec: false,
    });
    assert.throws(() => tmpfsMount("/t", "size=1m,context=x"), { code: "USAGE" });
    assert.throws(() => tmpfsMount("/t", "mode=9"), { code: "USAGE" });
  });
});

describe("settings that could reach the host", () => {
  const host = { NetworkMode: "none", IpcMode: "private" };

  it("only sysctls of the container's own namespaces", () => {
    checkSysctls({ ...host, Sysctls: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "1", "fs.mqueue.msg_max": "5" } });
    for (const name of [
      "kernel.core_pattern",
      "vm.swappiness",
      "net.../../x",
      "net",
      "../kernel/panic",
      "kernel.hostname",
    ]) {
      assert.throws(() => checkSysctls({ ...host, Sysctls: { [name]: "1" } }), { code: "USAGE" }, name);
    }
    assert.throws(() => checkSysctls({ ...host, NetworkMode: "host", Sysctls: { "net.a.b": "1" } }), { code: "USAGE" });
  });

  it("an unknown security option is refused, not passed over", () => {
    assert.deepEqual(parseSecurityOptions(["no-new-privileges"], false), { noNewPrivileges: true, seccomp: "default" });
    assert.throws(() => parseSecurityOptions(["no-new-privilege"], false), { code: "USAGE" });
    assert.throws(() => parseSecurityOptions(["seccomp=/file.json"], false), { code: "UNSUPPORTED" });
  });
});

describe("signals, limits and devices", () => {
  it("signals by name, with and without SIG, by number, and real-time ones", () => {
    assert.deepEqual(["TERM", "sigterm", "15", "SIGRTMIN+3"].map(parseSignal), [15, 15, 15, 37]);
    for (const text of ["0", "65", "NOPE", "", "-9", "SIGRTMIN+31"])
      assert.throws(() => parseSignal(text), { code: "USAGE" }, text);
  });

  it("-1 is no limit, and a soft limit above the hard one is refused", () => {
    assert.deepEqual(rlimitsOf([{ Name: "nofile", Soft: 5, Hard: -1 }]), [
      { resource: 7, soft: 5n, hard: 2n ** 64n - 1n },
    ]);
    assert.throws(() => rlimitsOf([{ Name: "nofile", Soft: 2, Hard: 1 }]), { code: "USAGE" });
    assert.throws(() => rlimitsOf([{ Name: "files", Soft: 1, Hard: 1 }]), { code: "USAGE" });
  });

  it("device numbers as glibc splits them", () => {
    assert.deepEqual(splitDeviceNumber(0x103), { major: 1, minor: 3 });
    assert.deepEqual(splitDeviceNumber(0x8_00 + 0x10_0000 * 1), { major: 8, minor: 256 });
  });
});
