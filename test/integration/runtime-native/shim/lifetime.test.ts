import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type ExitRecord, type LaunchPlan, launchShim, shimRequest } from "../../../../runtime-native/index.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { isRunning } from "../../../helpers/process-state.js";
import { PROJECT } from "../../../helpers/project.js";
import { launchAttached, runToEnd, ShimClient } from "../../../helpers/shim-client.js";
import { processPlan, ShimHost } from "../../../helpers/shim-container.js";
import { waitUntil } from "../../../helpers/wait-until.js";

const recordOf = (plan: LaunchPlan): ExitRecord => JSON.parse(readFileSync(plan.exitFile, "utf8")) as ExitRecord;

/** Part of a container's script: until go(). */
const UNTIL_GO = "until test -e /go; do sleep 0.05; done";
const go = async (plan: LaunchPlan): Promise<void> => {
  assert.equal((await ShimClient.exec(plan, processPlan(["touch", "/go"])).finish()).exitCode, 0);
};

describeWith([asRoot, program("/bin/busybox")], "a container's life", () => {
  const host = new ShimHost();
  before(() => host.prepare());
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  for (const [script, code] of [
    ["exit 0", 0],
    ["exit 3", 3],
    ["exit 255", 255],
    ["no-such-command", 127],
  ] as const) {
    it(`"${script}" ends with ${String(code)}, in the exit file and for those who wait`, async () => {
      const plan = host.plan(["sh", "-c", script]);
      const { exitCode, oomKilled } = await runToEnd(plan);
      assert.deepEqual([exitCode, oomKilled], [code, false]);
      const record = recordOf(plan);
      assert.deepEqual([record.exitCode, record.oomKilled], [code, false]);
      assert.match(record.finishedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    });
  }

  it("a signal through the socket ends it with 128 and the signal's number, for everybody who waits", async () => {
    const plan = host.plan(["sleep", "1000"]);
    const { client } = await launchAttached(plan);
    const waiters = Array.from({ length: 10 }, () => ShimClient.connect(plan));
    // Requests are met in order: the answer to the second is the first one's, too.
    for (const waiter of waiters) {
      waiter.send(shimRequest.wait(), shimRequest.kill(0));
      assert.equal((await waiter.next()).type, "done");
    }
    const killer = ShimClient.connect(plan);
    killer.send(shimRequest.kill(0), shimRequest.kill(200), shimRequest.kill(9));
    assert.deepEqual(
      [(await killer.next()).type, (await killer.next()).type, (await killer.next()).type],
      ["done", "error", "done"],
    );
    for (const waiter of [client, ...waiters]) assert.equal((await waiter.finish()).exitCode, 137);
    assert.ok(!existsSync(plan.socketPath));
    assert.equal(recordOf(plan).exitCode, 137);
  });

  it("what it leaves running is killed with it, even in the host's pid namespace", async () => {
    const plan = host.plan(["sh", "-c", "setsid sleep 4242 & echo started $!"], (own) => {
      own.namespaces = { ...own.namespaces, pid: { kind: "host" } };
    });
    const { stdout, exitCode } = await runToEnd(plan);
    assert.equal(exitCode, 0);
    const [, pid = ""] = /started (\d+)/.exec(stdout) ?? [];
    await waitUntil("it has ended", () => !isRunning(Number(pid)));
  });

  it("cgroups that it made below its own are removed too", async () => {
    const plan = host.plan(["sleep", "1000"]);
    const { client, pid } = await launchAttached(plan);
    for (const directory of plan.cgroup.directories) mkdirSync(join(directory, "a/b"), { recursive: true });
    process.kill(pid, "SIGKILL");
    await client.finish();
    for (const directory of plan.cgroup.directories) assert.ok(!existsSync(directory), directory);
  });

  it("using more memory than allowed is recorded as out of memory", async () => {
    const plan = host.plan(["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=200M count=1"]);
    host.cgroupOf(plan).limitMemory(32 << 20);
    const { exitCode, oomKilled } = await runToEnd(plan);
    assert.deepEqual([exitCode, oomKilled], [137, true]);
    assert.equal(recordOf(plan).oomKilled, true);
  });

  it("its exit file is whole, and alone, also where it need not outlive the host", async () => {
    const plan = host.plan(["sh", "-c", "exit 7"], (changed) => {
      changed.exitFileDurable = false;
    });
    await runToEnd(plan);
    assert.equal(recordOf(plan).exitCode, 7);
    assert.ok(!existsSync(`${plan.exitFile}.new`));
  });

  it("its socket is for root alone, and its exit file too", async () => {
    const plan = host.plan(["sleep", "1000"]);
    const { client, pid } = await launchAttached(plan);
    assert.equal(statSync(plan.socketPath).mode & 0o777, 0o600);
    process.kill(pid, "SIGKILL");
    await client.finish();
    assert.equal(statSync(plan.exitFile).mode & 0o777, 0o600);
  });

  it("onExit runs when everything is gone", async () => {
    const mark = join(host.directory, "on-exit");
    const plan = host.plan(["true"], (own) => {
      own.onExit = [
        "/bin/sh",
        "-c",
        `cat ${own.exitFile} > ${mark}; ls ${own.rootfs.merged} | wc -l >> ${mark}; test -e ${own.socketPath} || echo gone >> ${mark}; mv ${mark} ${mark}.done`,
      ];
    });
    await runToEnd(plan);
    await waitUntil("onExit has run", () => existsSync(`${mark}.done`));
    assert.match(readFileSync(`${mark}.done`, "utf8"), /^\{"exitCode":0.*\}\n0\ngone\n$/);
  });

  it("without an attach connection it logs, and its launcher gets no descriptor", async () => {
    const plan = host.plan(["sh", "-c", `echo logged; ${UNTIL_GO}`], (own) => (own.io = { ...own.io, attach: false }));
    const launched = await launchShim(plan);
    assert.equal(launched.attachFd, undefined);
    const waiter = ShimClient.connect(plan);
    waiter.send(shimRequest.wait(), shimRequest.kill(0));
    assert.equal((await waiter.next()).type, "done");
    await go(plan);
    assert.equal((await waiter.finish()).exitCode, 0);
    assert.match(readFileSync(plan.io.log?.path ?? "", "utf8"), /logged/);
  });

  it("goes on when the program that launched it is killed, and when its terminal hangs up", async () => {
    const plan = host.plan(["sh", "-c", `${UNTIL_GO}; echo went on`]);
    const { pid, shimPid } = await launchElsewhereAndKill(plan);
    assert.ok(existsSync(`/proc/${String(pid)}`));
    process.kill(shimPid, "SIGHUP");
    process.kill(shimPid, "SIGPIPE");
    const waiter = ShimClient.connect(plan);
    waiter.send(shimRequest.attach({ stdin: false, stdout: true, stderr: true }));
    assert.equal((await waiter.next()).type, "started");
    await go(plan);
    const { stdout, exitCode } = await waiter.finish();
    assert.deepEqual([stdout, exitCode], ["went on\n", 0]);
  });

  it("a shim that is asked to end takes its container along, one that is killed too", async () => {
    const asked = await launchAttached(host.plan(["sleep", "1000"]));
    process.kill(asked.shimPid, "SIGTERM");
    assert.equal((await asked.client.finish()).exitCode, 137);

    const plan = host.plan(["sleep", "1000"]);
    const killed = await launchAttached(plan);
    process.kill(killed.shimPid, "SIGKILL");
    await assert.rejects(killed.client.finish());
    await waitUntil("the container has ended with its shim", () => !isRunning(killed.pid));
    // What a shim that was killed cannot clear up is for the engine's sweep; here for this test.
    execFileSync("umount", [plan.rootfs.merged]);
    host.cgroupOf(plan).remove();
    rmSync(plan.socketPath);
  });
});

/** Launches from another node process, which is killed with SIGKILL as soon as the container runs. */
async function launchElsewhereAndKill(plan: LaunchPlan): Promise<{ pid: number; shimPid: number }> {
  const script = join(PROJECT, "dist/runtime-native/index.js");
  const file = `${plan.exitFile}.plan`;
  writeFileSync(
    file,
    JSON.stringify(plan, (_, value: unknown) => (typeof value === "bigint" ? `${String(value)}n` : value)),
  );
  const program = `
    const { launchShim } = await import(${JSON.stringify(script)});
    const files = await import("node:fs");
    const plan = JSON.parse(files.readFileSync(${JSON.stringify(file)}, "utf8"),
      (_, value) => typeof value === "string" && /^\\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value);
    process.stdout.write(JSON.stringify(await launchShim(plan)) + "\\n");
    setInterval(() => {}, 1000);`;
  const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const answer = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data: Buffer) => {
      resolve(data.toString());
    });
    child.once("exit", () => {
      reject(new Error("the launcher ended early"));
    });
  });
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  return JSON.parse(answer) as { pid: number; shimPid: number };
}
