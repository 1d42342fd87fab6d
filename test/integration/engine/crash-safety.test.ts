import assert from "node:assert/strict";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { cgroupsOf } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";
import { isRunning } from "../../helpers/process-state.js";
import { inTheEnd, waitUntil } from "../../helpers/wait-until.js";

interface Inspected {
  State: { Status: string; Pid: number; ExitCode: number; Error: string };
  GraphDriver: { Data: { MergedDir: string } };
}

describeWith([asRoot, program("/bin/busybox")], "failed and interrupted containers", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  afterEach(async () => {
    assert.deepEqual(await host.leftoversInTheEnd(), []);
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  it("a container that cannot start leaves no mount, cgroup, namespace, directory or process", async () => {
    const running = host.detached("busybox", "sleep", "1000");
    assert.ok(processesHolding(host.directory).length >= 2, "the shim and the command");
    host.run("rm", "-f", running);
    for (const args of [
      ["busybox", "/no/such"],
      ["-w", "/etc/passwd/x", "busybox", "true"],
      ["-v", "/etc:/bin/busybox", "busybox", "true"],
      ["-u", "nosuchuser", "busybox", "true"],
      ["--cpuset-cpus", "9999", "busybox", "true"],
    ]) {
      assert.notEqual(host.try(["run", "--rm", ...args]).status, 0, args.join(" "));
      assert.deepEqual(host.leftovers(), [], args.join(" "));
    }
    // A namespace lasts as long as its processes, and no mount has kept it (leftovers).
    assert.deepEqual(await inTheEnd(() => processesHolding(host.directory)), []);
  });

  it("without --rm a failed start leaves a created container that says why, and rm removes it", () => {
    assert.equal(host.try(["run", "--name", "failed", "busybox", "/no/such"]).status, 127);
    const { State } = host.inspect<Inspected>("failed");
    assert.deepEqual([State.Status, State.ExitCode], ["created", 127]);
    assert.match(State.Error, /\/no\/such/);
    host.run("rm", "failed");
  });

  it("a container whose shim was killed is exited, and rm -f takes away what it left", async () => {
    const id = host.detached("--name", "orphan", "busybox", "sleep", "100");
    const { State, GraphDriver } = host.inspect<Inspected>(id);
    const shim = parentOf(State.Pid);
    process.kill(shim, "SIGKILL");
    await waitUntil("the shim has ended", () => !isRunning(shim));
    const after = host.inspect<Inspected>(id).State;
    assert.equal(after.Status, "exited");
    host.run("rm", "-f", id);
    assert.equal(existsSync(GraphDriver.Data.MergedDir), false);
    assert.deepEqual(cgroupsOf(id), []);
    await waitUntil("its process has ended", () => !isRunning(State.Pid));
  });

  it("a foreground run that was killed leaves a container that runs on, and the next command removes it after its end", async () => {
    const gate = mkdtempSync(join(host.directory, "gate-"));
    const script = "echo up; until [ -e /gate/open ]; do sleep 0.05; done";
    const child = host.start("run", "--rm", "--name", "left", "-v", `${gate}:/gate`, "busybox", "sh", "-c", script);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    assert.equal(host.inspect<Inspected>("left").State.Status, "running");
    writeFileSync(join(gate, "open"), "");
    assert.equal(host.run("wait", "left"), "0");
    host.run("run", "--rm", "busybox", "true");
  });

  it("a container that was half made when its process died is swept by the next create", () => {
    const id = "d".repeat(64);
    mkdirSync(join(host.root, "containers", id), { recursive: true });
    mkdirSync(join(host.root, "overlay2", `${id}-init`, "diff"), { recursive: true });
    symlinkSync(id, join(host.root, "names", "halfway"));
    writeFileSync(join(host.root, "unfinished", id), JSON.stringify({ pid: 999_999_999, startTime: 1 }));
    assert.equal(host.run("ps", "-aq"), "");
    host.run("run", "--rm", "--name", "halfway", "busybox", "true");
  });

  it("a container of a run --rm that died before it started it is swept by the next create, and one that is paused is not", async () => {
    const child = host.start("run", "--rm", "--name", "held", "busybox", "sh", "-c", "echo up; exec sleep 1000");
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    host.run("pause", "held");
    const id = host.run("create", "--rm", "--name", "early", "busybox", "true");
    writeFileSync(join(host.root, "unfinished", id), JSON.stringify({ pid: 999_999_999, startTime: 1 }));
    host.run("run", "--rm", "--name", "early", "busybox", "true");
    assert.equal(host.inspect<Inspected>("held").State.Status, "paused");
    host.run("rm", "-f", "held");
  });

  it("an --rm container whose exit file a power failure has emptied is swept by the next create", async () => {
    const id = host.detached("--rm", "--name", "emptied", "busybox", "sleep", "1000");
    const { Pid } = host.inspect<Inspected>(id).State;
    const shim = parentOf(Pid);
    process.kill(shim, "SIGKILL");
    await waitUntil("the shim has ended", () => !isRunning(shim));
    writeFileSync(join(host.directory, "run/containers", id, "exit.json"), "");
    host.run("run", "--rm", "--name", "emptied", "busybox", "true");
    await waitUntil("its process has ended", () => !isRunning(Pid));
  });

  it("many runs at once all work", async () => {
    const children = Array.from({ length: 8 }, (_, i) =>
      host.start("run", "--rm", "busybox", "sh", "-c", `exit ${String(i)}`),
    );
    const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
    assert.deepEqual(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("of many that want one name, one gets it", async () => {
    const children = Array.from({ length: 5 }, () => host.start("create", "--name", "wanted", "busybox", "true"));
    const codes = await Promise.all(
      children.map((child) => new Promise<number>((resolve) => child.once("exit", resolve))),
    );
    assert.equal(codes.filter((code) => code === 0).length, 1);
    host.run("rm", "wanted");
  });

  it("two that remove one container: it is gone, and none waits for ever", async () => {
    host.detached("--name", "twice", "busybox", "sleep", "100");
    const children = [0, 1].map(() => host.start("rm", "-f", "twice"));
    const codes = await Promise.all(
      children.map((child) => new Promise<number>((resolve) => child.once("exit", resolve))),
    );
    assert.ok(codes.includes(0));
    assert.equal(host.run("ps", "-aq"), "");
  });
});

/** Processes of which a file is open, or mounted in a mount namespace of their own, below the directory. */
function processesHolding(directory: string): string[] {
  const ours = readlinkSync("/proc/self/ns/mnt");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const files = unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
      const isOpen = files.some((fd) => unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.startsWith(directory));
      if (isOpen || unlessGone(() => readlinkSync(`/proc/${pid}/ns/mnt`)) === ours) return isOpen;
      return unlessGone(() => readFileSync(`/proc/${pid}/mountinfo`, "utf8"))?.includes(directory);
    });
}

/** What is read of a process that may end meanwhile. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
}
