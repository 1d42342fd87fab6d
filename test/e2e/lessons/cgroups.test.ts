import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost, cgroupsOf } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { importBusybox } from "../../helpers/lesson-images.js";
import { waitUntil } from "../../helpers/wait-until.js";

interface Container {
  State: { Pid: number };
}

const BUSY = "while : ; do : ; done";

describeWith([asRoot, program("/bin/busybox")], "lesson: cgroups limit what a container uses", () => {
  const host = new BerthHost();
  let id = "";
  before(async () => {
    await importBusybox(host, "busybox");
    id = host.run("run", "-itd", "--cpu-period=100000", "--cpu-quota=20000", "busybox", "/bin/sh");
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  it("the cgroup's directory is named after the container's full ID and holds its period and quota", () => {
    const directory = cpuDirectory(id);
    const version2 = read(directory, "cpu.max");
    if (version2 === undefined) {
      assert.equal(read(directory, "cpu.cfs_period_us"), "100000");
      assert.equal(read(directory, "cpu.cfs_quota_us"), "20000");
    } else {
      assert.equal(version2, "20000 100000");
    }
  });

  it("the task list holds the container's PID, and a process started inside later joins it", () => {
    const { Pid } = host.inspect<Container>(id).State;
    assert.deepEqual(tasks(id), [Pid]);
    host.run("exec", "-d", id, "sleep", "1000");
    assert.equal(tasks(id).length, 2);
    assert.ok(tasks(id).includes(Pid));
  });

  it("a busy loop started inside uses 20 % of a core and not 100 %, and so do two", async () => {
    for (let loops = 1; loops <= 2; loops++) {
      host.run("exec", "-d", id, "sh", "-c", BUSY);
      const cores = await coresUsedAtTheLimit(id);
      assert.ok(cores < 0.3, `${String(loops)}: ${cores.toFixed(3)} cores`);
    }
  });

  it("when the container stops, the directory is gone", () => {
    assert.notEqual(cgroupsOf(id).length, 0);
    host.run("stop", "-t", "0", id);
    assert.deepEqual(cgroupsOf(id), []);
  });

  it("a memory limit is kept: what exceeds it is killed and reported as out of memory", () => {
    const fill = "dd if=/dev/zero of=/dev/null bs=200M count=1";
    const { status } = host.try([
      "run",
      "--name",
      "hungry",
      "--memory",
      "32m",
      "--memory-swap",
      "32m",
      "busybox",
      "sh",
      "-c",
      fill,
    ]);
    assert.equal(status, 137);
    assert.equal(host.inspect<{ State: { OOMKilled: boolean } }>("hungry").State.OOMKilled, true);
  });

  it("a limit on the number of processes is kept", () => {
    const fork = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait";
    const { status, stderr } = host.try(["run", "--rm", "--pids-limit", "4", "busybox", "sh", "-c", fork]);
    assert.notEqual(status, 0);
    assert.match(stderr, /can't fork/);
  });
});

function cpuDirectory(id: string): string {
  const directory = cgroupsOf(id).find(
    (path) => read(path, "cpu.max") !== undefined || read(path, "cpu.cfs_quota_us") !== undefined,
  );
  assert.ok(directory, "no cpu cgroup of the container");
  return directory;
}

function tasks(id: string): number[] {
  return (read(cpuDirectory(id), "cgroup.procs") ?? "").split("\n").filter(Boolean).map(Number);
}

/**
 * Cores used while the kernel has held the cgroup back in twenty more periods, because its 20 ms of 100 were used up: at least
 * two seconds, and as many as it takes beside others who want the processors.
 */
async function coresUsedAtTheLimit(id: string): Promise<number> {
  const start = performance.now();
  const [usedBefore, heldBefore] = [usageSeconds(id), periodsHeldBack(id)];
  await waitUntil("the kernel holds it back", () => periodsHeldBack(id) >= heldBefore + 20);
  const used = usageSeconds(id) - usedBefore;
  assert.ok(used > 20 * 0.02 * 0.5, `${used.toFixed(3)} s of the processor`);
  return used / ((performance.now() - start) / 1000);
}

function periodsHeldBack(id: string): number {
  return Number(/^nr_throttled (\d+)$/m.exec(read(cpuDirectory(id), "cpu.stat") ?? "")?.[1]);
}

function usageSeconds(id: string): number {
  for (const directory of cgroupsOf(id)) {
    const version1 = read(directory, "cpuacct.usage");
    if (version1 !== undefined) return Number(version1) / 1e9;
    const version2 = /^usage_usec (\d+)$/m.exec(read(directory, "cpu.stat") ?? "")?.[1];
    if (version2 !== undefined) return Number(version2) / 1e6;
  }
  throw new Error("the container's use of the processor is counted nowhere");
}

function read(directory: string, file: string): string | undefined {
  try {
    return readFileSync(join(directory, file), "utf8").trim();
  } catch {
    return undefined;
  }
}
