import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { cgroupsOf } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";

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

  const namespaces = (): number =>
    new Set(
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap(netOf),
    ).size;

  it("a container that cannot start leaves no mount, cgroup, namespace, directory or process", () => {
    const before = namespaces();
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
    assert.equal(namespaces(), before);
  });

  it("without --rm a failed start leaves a created container that says why, and rm removes it", () => {
    assert.equal(host.try(["run", "--name", "failed", "busybox", "/no/such"]).status, 127);
    const { State } = host.inspect<Inspected>("failed");
    assert.deepEqual([State.Status, State.ExitCode], ["created", 127]);
    assert.match(State.Error, /\/no\/such/);
    host.run("rm", "failed");
  });

  it("a container whose shim was killed is exited, and rm -f takes away what it left", () => {
    const id = host.detached("--name", "orphan", "busybox", "sleep", "100");
    const { State, GraphDriver } = host.inspect<Inspected>(id);
    process.kill(parentOf(State.Pid), "SIGKILL");
    const after = host.inspect<Inspected>(id).State;
    assert.equal(after.Status, "exited");
    host.run("rm", "-f", id);
    assert.equal(existsSync(GraphDriver.Data.MergedDir), false);
    assert.deepEqual(cgroupsOf(id), []);
    assert.equal(isRunning(State.Pid), false);
  });

  it("a foreground run that was killed leaves a container that runs on, and the next command removes it after its end", async () => {
    const child = host.start("run", "--rm", "--name", "left", "busybox", "sh", "-c", "echo up; sleep 1");
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(host.inspect<Inspected>("left").State.Status, "running");
    assert.equal(host.run("wait", "left"), "0");
    await sleep(100);
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

/** The network namespace of a process that is still there. */
function netOf(pid: string): string[] {
  try {
    return [readlinkSync(`/proc/${pid}/ns/net`)];
  } catch {
    return [];
  }
}

/** Not so for a zombie, whose new parent has not asked for its status yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
}
