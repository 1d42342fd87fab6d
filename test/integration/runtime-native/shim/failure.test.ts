import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type LaunchPlan, launchShim, NativeError } from "../../../../runtime-native/index.js";
import { encodeLaunchPlan } from "../../../../runtime-native/launch-plan-encoding.js";
import { loadAddon, SHIM_PATH } from "../../../../runtime-native/load-addon.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { type Mutable, processPlan, ShimHost } from "../../../helpers/shim-container.js";
import { inTheEnd } from "../../../helpers/wait-until.js";

function launchBytes(id: string, plan: Uint8Array): Promise<unknown> {
  const addon = loadAddon<{ launchShim(path: string, id: string, plan: Uint8Array): Promise<unknown> }>();
  return addon.launchShim(SHIM_PATH, id, plan);
}

type Change = (plan: Mutable<LaunchPlan>) => void;

const withProcess =
  (change: Parameters<typeof processPlan>[1]): Change =>
  (plan) => {
    plan.process = processPlan(plan.process.args, change);
  };
const withMount =
  (type: string, source: string, target: string, data = ""): Change =>
  (plan) => {
    plan.mounts = [...plan.mounts, { type, source, target, options: {}, data }];
  };

/** In the order in which a launch goes: how each step is made to fail, and what the failure says. */
const FAILURES: readonly { title: string; change: Change; code?: string; step: RegExp }[] = [
  {
    title: "a layer that is missing",
    change: (plan) => (plan.rootfs = { ...plan.rootfs, lower: ["l/NONE"] }),
    step: /root file system/,
  },
  {
    title: "a log that cannot be written",
    change: (plan) => (plan.io = { ...plan.io, log: { path: "/nowhere/log", maxBytes: 0, maxFiles: 1 } }),
    step: /log/,
  },
  { title: "a socket in a missing directory", change: (plan) => (plan.socketPath = "/nowhere/socket"), step: /socket/ },
  {
    title: "a socket path too long for the kernel",
    change: (plan) => (plan.socketPath = `/tmp/${"x".repeat(120)}`),
    step: /socket/,
  },
  {
    title: "a cgroup that is missing",
    change: (plan) =>
      (plan.cgroup = { ...plan.cgroup, procsFiles: [...plan.cgroup.procsFiles, "/sys/fs/cgroup/none/tasks"] }),
    step: /cgroup/,
  },
  {
    title: "a unified cgroup that is missing",
    change: (plan) => (plan.cgroup = { ...plan.cgroup, unifiedDirectory: "/sys/fs/cgroup/none" }),
    step: /cgroup/,
  },
  {
    title: "a namespace to join that is missing",
    change: (plan) => (plan.namespaces = { ...plan.namespaces, net: { kind: "join", path: "/proc/0/ns/net" } }),
    step: /namespace/,
  },
  {
    title: "a namespace of another kind",
    change: (plan) => (plan.namespaces = { ...plan.namespaces, net: { kind: "join", path: "/proc/self/ns/uts" } }),
    step: /join a namespace/,
  },
  {
    title: "ID maps that the kernel refuses",
    change: (plan) => {
      plan.namespaces = { ...plan.namespaces, user: { kind: "new" } };
      plan.idMaps = { uid: [{ containerId: 0, hostId: 0, size: 0 }], gid: [] };
    },
    step: /map the user namespace/,
  },
  { title: "a host name that is too long", change: (plan) => (plan.hostname = "h".repeat(65)), step: /host name/ },
  { title: "a bind source that is missing", change: withMount("bind", "/nowhere", "/data"), step: /mount into/ },
  { title: "a filesystem that is unknown", change: withMount("nofs", "none", "/data"), step: /mount into/ },
  {
    title: "a mount option that is unknown",
    change: withMount("tmpfs", "tmpfs", "/data", "nonsense=1"),
    step: /mount into/,
  },
  {
    title: "a mount target below a file",
    change: withMount("tmpfs", "tmpfs", "/etc/passwd/below"),
    step: /mount into/,
  },
  {
    title: "a device where a directory is",
    change: (plan) =>
      (plan.devices = [
        ...plan.devices,
        { path: "/dev/pts", type: "c", major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
      ]),
    step: /device node/,
  },
  {
    title: "a link where something else is",
    change: (plan) => (plan.symlinks = [{ path: "/dev/null", target: "zero" }]),
    step: /link/,
  },
  {
    title: "a terminal without devpts",
    change: (plan) => {
      plan.mounts = plan.mounts.filter(({ type }) => type !== "devpts");
      plan.process = processPlan(plan.process.args, { tty: true });
    },
    step: /terminal/,
  },
  { title: "a sysctl that is missing", change: (plan) => (plan.sysctls = { "net.none.at_all": "1" }), step: /sysctl/ },
  {
    title: "a sysctl outside of /proc/sys",
    change: (plan) => (plan.sysctls = { "//../self/comm": "x" }),
    step: /sysctl/,
  },
  {
    title: "a working directory that is a file",
    change: withProcess({ cwd: "/etc/passwd" }),
    step: /working directory/,
  },
  {
    title: "a limit beyond the host's",
    change: withProcess({ rlimits: [{ resource: 99, soft: 1n, hard: 1n }] }),
    step: /limit/,
  },
  {
    title: "a seccomp program that is none",
    change: withProcess({ seccomp: new Uint8Array(16).fill(0xff) }),
    step: /seccomp/,
  },
  {
    title: "a command that is missing",
    change: (plan) => (plan.process = processPlan(["no-such-command"])),
    code: "COMMAND_NOT_FOUND",
    step: /command/,
  },
  {
    title: "a command whose path is missing",
    change: (plan) => (plan.process = processPlan(["/nowhere/command"])),
    code: "COMMAND_NOT_FOUND",
    step: /command/,
  },
  {
    title: "a command that is not executable",
    change: (plan) => (plan.process = processPlan(["/etc/passwd"])),
    code: "COMMAND_NOT_EXECUTABLE",
    step: /command/,
  },
  {
    title: "a command that is a directory",
    change: (plan) => (plan.process = processPlan(["/etc"])),
    code: "COMMAND_NOT_EXECUTABLE",
    step: /command/,
  },
];

describeWith([asRoot, program("/bin/busybox")], "a container that cannot start", () => {
  const host = new ShimHost();
  /** Of this process, which other suites' servers may still be children of and have connections to. */
  const openDescriptors = (): string[] =>
    readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
      } catch {
        // The one with which the directory was read.
        return [];
      }
    });
  const children = (): string[] =>
    readFileSync(`/proc/self/task/${String(process.pid)}/children`, "utf8")
      .split(" ")
      .filter(Boolean);
  before(() => host.prepare());
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  for (const { title, change, code = "SYSTEM", step } of FAILURES) {
    it(`${title}: one clear failure, and no mount, cgroup, process or socket is left`, async () => {
      const plan = host.plan(["sleep", "1000"], change);
      await assert.rejects(launchShim(plan), (error) => {
        assert.ok(error instanceof NativeError);
        assert.equal(error.code, code, error.message);
        assert.match(error.details.step ?? error.message, step);
        assert.notEqual(error.details.errno, undefined);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
      assert.deepEqual(await host.leftovers(), []);
      assert.ok(!existsSync(plan.exitFile));
    });
  }

  it("a file that execve cannot read as a program is reported as not executable", async () => {
    const plan = host.plan(["/data"]);
    mkdirSync(plan.rootfs.upper, { recursive: true });
    writeFileSync(join(plan.rootfs.upper, "data"), "neither ELF nor script", { mode: 0o755 });
    await assert.rejects(launchShim(plan), { code: "COMMAND_NOT_EXECUTABLE" });
    assert.deepEqual(await host.leftovers(), []);
  });

  it("its launcher keeps no descriptor, of a namespace or anything else, and no child", async () => {
    const fail = async (): Promise<void> => {
      await assert.rejects(launchShim(host.plan(["no-such-command"])));
    };
    // The first one loads what stays loaded.
    await fail();
    const before = { descriptors: new Set(openDescriptors()), children: new Set(children()) };
    for (let round = 0; round < 10; round++) await fail();
    const added = (): string[] => [
      ...openDescriptors().filter((descriptor) => !before.descriptors.has(descriptor)),
      ...children().filter((child) => !before.children.has(child)),
    ];
    assert.deepEqual(await inTheEnd(added), []);
  });

  it("a NUL byte in a string is refused before anything is started", async () => {
    await assert.rejects(launchShim(host.plan(["true\0false"])), { code: "INVALID_PLAN" });
    host.removeUnused();
  });

  it("no prefix of a plan, and no plan with more behind it, is taken for one", async () => {
    const plan = host.plan(["true"]);
    const bytes = encodeLaunchPlan(plan);

    for (let length = 0; length < bytes.length; length += 17) {
      await assert.rejects(launchBytes(plan.id, bytes.subarray(0, length)), { code: "INVALID_PLAN" }, String(length));
    }
    await assert.rejects(launchBytes(plan.id, Buffer.concat([bytes, Buffer.of(0)])), { code: "INVALID_PLAN" });
    host.removeUnused();
  });

  it("plan bytes changed at random do not crash the shim", async () => {
    const plan = host.plan(["true"], (own) => (own.rootfs = { ...own.rootfs, lower: ["l/NONE"] }));
    const bytes = encodeLaunchPlan(plan);

    for (let round = 0; round < 100; round++) {
      const changed = Buffer.from(bytes.subarray(0, 1200));
      changed.writeUInt32BE(0xffffffff - round, (round * 37) % 1190);
      await assert.rejects(
        launchBytes(plan.id, changed),
        (error) => error instanceof Error && "code" in error && error.code === "INVALID_PLAN",
      );
    }
    host.removeUnused();
  });
});
