import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";

import { type LaunchPlan, NativeError, shimRequest } from "../../../../runtime-native/index.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { type Launched, launchAttached, ShimClient } from "../../../helpers/shim-client.js";
import { processPlan, ShimHost } from "../../../helpers/shim-container.js";
import { waitUntil } from "../../../helpers/wait-until.js";

describeWith([asRoot, program("/bin/busybox")], "exec in a container", () => {
  const host = new ShimHost();
  let plan: LaunchPlan;
  let container: Launched;
  before(async () => {
    await host.prepare();
    plan = host.plan(["sleep", "1000"]);
    container = await launchAttached(plan);
  });
  after(async () => {
    process.kill(container.pid, "SIGKILL");
    assert.equal((await container.client.finish()).exitCode, 137);
    assert.deepEqual(await host.dispose(), []);
  });

  const exec = (script: string, change = {}): Promise<{ stdout: string; stderr: string; exitCode: number }> =>
    ShimClient.exec(plan, processPlan(["sh", "-c", script], change)).finish();

  it("runs in every namespace and in the root of the container", async () => {
    const kinds = ["mnt", "uts", "ipc", "pid", "net", "cgroup"];
    const { stdout } = await exec(
      `for n in ${kinds.join(" ")}; do readlink /proc/self/ns/$n; done; cat /proc/1/comm; hostname`,
    );
    const expected = kinds.map((kind) => readlinkSync(`/proc/${String(container.pid)}/ns/${kind}`));
    assert.deepEqual(stdout.trim().split("\n"), [...expected, "sleep", plan.hostname]);
  });

  it("joins the container's cgroups before its command runs", async () => {
    const client = ShimClient.exec(plan, processPlan(["sh", "-c", "echo here; read line"]), {
      detach: false,
      openStdin: true,
    });
    const started = await client.next();
    assert.equal(started.type, "started");
    const pid = started.type === "started" ? started.pid : 0;
    for (const members of host.cgroupOf(plan).members()) assert.ok(members.includes(pid));
    client.send(shimRequest.closeStdin());
    await client.finish();
  });

  it("streams output apart and reports the command's exit code", async () => {
    const { stdout, stderr, exitCode } = await exec("echo out; echo err >&2; exit 7");
    assert.deepEqual([stdout, stderr, exitCode], ["out\n", "err\n", 7]);
    assert.equal((await exec("kill -TERM $$")).exitCode, 143);
  });

  it("reads what the client sends until it closes its side", async () => {
    const client = ShimClient.exec(plan, processPlan(["cat"]), { detach: false, openStdin: true });
    const data = Buffer.alloc(3_000_000, "0123456789abcdef");
    client.send(shimRequest.stdin(data), shimRequest.closeStdin());
    assert.equal((await client.finish()).stdout, data.toString());
  });

  it("has a terminal when asked for, of the size asked for", async () => {
    const process = processPlan(["sh", "-c", "tty; stty size; read line; stty size"], {
      tty: true,
      consoleSize: { rows: 40, columns: 120 },
    });
    const client = ShimClient.exec(plan, process, { detach: false, openStdin: true });
    assert.match(await client.until(/40 120/), /^\/dev\/pts\/0\r\n40 120/);
    client.send(shimRequest.resize({ rows: 11, columns: 22 }), shimRequest.stdin(Buffer.from("\n")));
    assert.match((await client.finish()).stdout, /11 22/);
  });

  it("runs as the user, with the limits and the capabilities of its own plan", async () => {
    const none = { bounding: 0n, effective: 0n, permitted: 0n, ambient: 0n };
    const { stdout } = await exec("id -u; id -g; pwd; grep -E 'CapBnd|CapInh' /proc/self/status", {
      uid: 1,
      gid: 50,
      cwd: "/tmp",
      capabilities: none,
    });
    assert.equal(stdout, "1\n50\n/tmp\nCapInh:\t0000000000000000\nCapBnd:\t0000000000000000\n");
  });

  it("has no descriptor open but its streams", async () => {
    assert.equal((await exec("exec ls /proc/self/fd")).stdout, "0\n1\n2\n3\n");
  });

  it("a working directory or a command that is not there is refused with its own code", async () => {
    await assert.rejects(
      exec("true", { cwd: "/nowhere" }),
      (error) => error instanceof NativeError && error.details.errno === 2,
    );
    const run = (name: string) => ShimClient.exec(plan, processPlan([name])).finish();
    await assert.rejects(run("no-such-command"), { code: "COMMAND_NOT_FOUND" });
    await assert.rejects(run("/etc/passwd"), { code: "COMMAND_NOT_EXECUTABLE" });
    await assert.rejects(run("/etc"), { code: "COMMAND_NOT_EXECUTABLE" });
  });

  it("can be killed on its own connection, the container goes on", async () => {
    const client = ShimClient.exec(plan, processPlan(["sleep", "1000"]));
    assert.equal((await client.next()).type, "started");
    client.send(shimRequest.kill(9));
    assert.equal((await client.next()).type, "done");
    assert.equal((await client.finish()).exitCode, 137);
    assert.equal((await exec("echo alive")).stdout, "alive\n");
  });

  it("detached it can be killed on its own connection, and once it has ended nothing else can be", async () => {
    const client = ShimClient.exec(plan, processPlan(["sleep", "1000"]), { detach: true, openStdin: false });
    assert.equal((await client.next()).type, "started");
    client.send(shimRequest.kill(9), shimRequest.kill(9), shimRequest.kill(9), shimRequest.kill(9));
    assert.equal((await client.next()).type, "done");
    await assert.rejects(client.finish());
    assert.equal((await exec("echo alive")).stdout, "alive\n");
  });

  it("what is sent to a process without stdin goes nowhere", async () => {
    const client = ShimClient.exec(plan, processPlan(["sh", "-c", "cat; echo done"]));
    client.send(shimRequest.stdin(Buffer.from("lost")), shimRequest.closeStdin(), shimRequest.closeStdin());
    assert.equal((await client.finish()).stdout, "done\n");
  });

  it("detached it runs on without its client", async () => {
    const client = ShimClient.exec(
      plan,
      processPlan(["sh", "-c", "echo lost; sleep 0.2; echo kept > /tmp/detached; sleep 1000"]),
      {
        detach: true,
        openStdin: false,
      },
    );
    const started = await client.next();
    assert.equal(started.type, "started");
    client.close();
    assert.equal((await exec("until test -s /tmp/detached; do sleep 0.05; done; cat /tmp/detached")).stdout, "kept\n");
    if (started.type === "started") process.kill(started.pid, "SIGKILL");
  });

  it("a client that goes away leaves its process running, with its input closed", async () => {
    const client = ShimClient.exec(
      plan,
      processPlan(["sh", "-c", "cat; echo ended > /tmp/ended; echo nobody listens"]),
      {
        detach: false,
        openStdin: true,
      },
    );
    assert.equal((await client.next()).type, "started");
    client.close();
    assert.equal((await exec("until test -s /tmp/ended; do sleep 0.05; done; cat /tmp/ended")).stdout, "ended\n");
  });

  it("many at once each get their own output", async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const results = await Promise.all(numbers.map((number) => exec(`echo ${String(number)}; exit ${String(number)}`)));
    assert.deepEqual(
      results.map(({ stdout, exitCode }) => [stdout, exitCode]),
      numbers.map((number) => [`${String(number)}\n`, number]),
    );
  });

  it("that has ended leaves the shim with one child, the container's first process", async () => {
    assert.equal((await exec("sleep 1000 & exit 4")).exitCode, 4);
    const shim = String(container.shimPid);
    const children = (): string => readFileSync(`/proc/${shim}/task/${shim}/children`, "utf8").trim();
    await waitUntil("the shim has one child", () => children() === String(container.pid));
  });
});
