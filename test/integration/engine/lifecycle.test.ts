import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { EngineHost } from "../../helpers/engine-host.js";
import { waitUntil } from "../../helpers/wait-until.js";

interface Inspected {
  Id: string;
  Name: string;
  LogPath: string;
  State: { Status: string; Running: boolean; Pid: number; ExitCode: number; Error: string; FinishedAt: string };
  GraphDriver: { Data: { MergedDir: string } };
}

describeWith([asRoot, program("/bin/busybox")], "a container's life", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  afterEach(async () => {
    const all = host.run("ps", "-aq", "--no-trunc").split("\n").filter(Boolean);
    if (all.length > 0) host.run("rm", "-f", ...all);
    assert.deepEqual(await host.leftoversInTheEnd(), []);
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  const state = (name: string) => host.inspect<Inspected>(name).State;
  /** `run -d` of a script that has said something: process 1 of a container takes no signal before it has asked for it. */
  const detachedAndReady = async (...args: readonly string[]): Promise<void> => {
    const id = host.detached(...args);
    await waitUntil("the container is ready", () => host.run("logs", id) !== "");
  };

  it("create, start, stop, start again, remove: inspect shows each state", () => {
    const id = host.run("create", "--name", "life", "busybox", "sleep", "100");
    assert.equal(state("life").Status, "created");
    assert.equal(host.run("start", "life"), "life");
    const { Status, Running, Pid } = state(id);
    assert.deepEqual([Status, Running], ["running", true]);
    assert.match(readFileSync(`/proc/${String(Pid)}/cmdline`, "utf8"), /^sleep/);
    host.run("stop", "-t", "0", "life");
    assert.deepEqual([state(id).Status, state(id).ExitCode], ["exited", 137]);
    assert.equal(existsSync(`/proc/${String(Pid)}`), false);
    host.run("start", "life");
    assert.equal(state(id).Status, "running");
    assert.equal(host.try(["rm", "life"]).status, 1);
    host.run("rm", "-f", "life");
    assert.equal(host.try(["inspect", "life"]).status, 1);
  });

  it("what it wrote is there after a restart, and gone with the container", () => {
    host.run("run", "--name", "writer", "busybox", "sh", "-c", "echo more >> /kept; cat /kept");
    assert.equal(host.run("start", "-a", "writer"), "more\nmore");
    host.run("rm", "writer");
    assert.equal(host.run("run", "--rm", "busybox", "sh", "-c", "ls /kept 2>/dev/null || echo gone"), "gone");
  });

  it("a detached container outlives the command, and --rm removes it at its end", async () => {
    const id = host.detached("--rm", "busybox", "sleep", "1000");
    assert.equal(state(id).Status, "running");
    host.run("kill", id);
    assert.deepEqual(await host.leftoversInTheEnd(), []);
  });

  it("stop sends the stop signal, and KILL after the grace", async () => {
    const trap = "trap 'echo got it; exit 5' USR1; echo ready; while :; do sleep 0.1; done";
    await detachedAndReady("--name", "polite", "--stop-signal", "USR1", "busybox", "sh", "-c", trap);
    host.run("stop", "-t", "-1", "polite");
    assert.equal(state("polite").ExitCode, 5);
    assert.equal(host.run("logs", "polite"), "ready\ngot it");
    const deaf = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    await detachedAndReady("--name", "deaf", "busybox", "sh", "-c", deaf);
    const begun = performance.now();
    host.run("stop", "-t", "1", "deaf");
    assert.ok(performance.now() - begun > 900);
    assert.equal(state("deaf").ExitCode, 137);
  });

  it("kill sends any signal, by name or number", async () => {
    const trap = "trap 'exit 9' HUP; echo ready; while :; do sleep 0.1; done";
    await detachedAndReady("--name", "victim", "busybox", "sh", "-c", trap);
    host.run("kill", "-s", "HUP", "victim");
    assert.equal(host.run("wait", "victim"), "9");
    assert.equal(host.try(["kill", "victim"]).status, 1);
    assert.equal(host.try(["kill", "-s", "NOSUCH", "victim"]).status, 1);
  });

  it("pause stops its processes, unpause lets them go on, and a paused one can be removed", async () => {
    const id = host.detached("busybox", "sh", "-c", "n=0; while :; do n=$((n+1)); echo $n > /tick; sleep 0.02; done");
    const tick = `${host.inspect<Inspected>(id).GraphDriver.Data.MergedDir}/tick`;
    await waitUntil("the container counts", () => existsSync(tick));
    host.run("pause", id);
    assert.equal(state(id).Status, "paused");
    const before = readFileSync(tick, "utf8");
    await sleep(300);
    assert.equal(readFileSync(tick, "utf8"), before);
    assert.equal(host.try(["exec", id, "true"]).status, 1);
    host.run("unpause", id);
    await waitUntil("it goes on counting", () => !["", before].includes(readFileSync(tick, "utf8")));
    host.run("pause", id);
    host.run("stop", "-t", "0", id);
    assert.equal(state(id).Status, "exited");
    host.run("start", id);
    host.run("pause", id);
    host.run("rm", "-f", id);
  });

  it("names are unique and of a certain form; IDs may be shortened until they are ambiguous", () => {
    const id = host.run("create", "--name", "taken", "busybox", "true");
    const { status, stderr } = host.try(["create", "--name", "taken", "busybox", "true"]);
    assert.equal(status, 1);
    assert.match(stderr, /^berth: the container name taken is taken by [0-9a-f]{12}[^\n]*\n$/);
    for (const name of ["a", "../x", "-x", "a b", "a/b"]) {
      assert.equal(host.try(["create", `--name=${name}`, "busybox", "true"]).status, 1, name);
    }
    assert.equal(host.inspect<Inspected>(id.slice(0, 10)).Id, id);
    const firsts = new Set([id.charAt(0)]);
    for (let i = 0; i < 40 && firsts.size === i + 1; i++) {
      const next = host.run("create", "busybox", "true").charAt(0);
      if (firsts.has(next)) {
        assert.match(
          host.try(["inspect", "--type", "container", next]).stderr,
          /is the beginning of \d+ container IDs/,
        );
        return;
      }
      firsts.add(next);
    }
    assert.fail("no two IDs began alike");
  });

  it("a name is free again once its container is removed", () => {
    host.run("create", "--name", "again", "busybox", "true");
    host.run("rm", "again");
    host.run("create", "--name", "again", "busybox", "true");
  });

  it("without --name it gets one of two words", () => {
    const id = host.run("create", "busybox", "true");
    assert.match(host.inspect<Inspected>(id).Name, /^\/[a-z]+_[a-z]+\d*$/);
  });

  it("ps shows the running ones, all with -a, and filters", () => {
    host.detached("--name", "up", "-l", "tier=front", "busybox", "sleep", "100");
    host.try(["run", "--name", "down", "busybox", "sh", "-c", "exit 3"]);
    assert.match(
      host.run("ps"),
      /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n[0-9a-f]{12} +busybox +"sleep 100" .*Up .* up$/,
    );
    assert.match(host.run("ps", "-a", "--filter", "name=down"), /Exited \(3\) .* ago +down$/);
    assert.equal(host.run("ps", "-aq").split("\n").length, 2);
    assert.equal(host.run("ps", "-aq", "-n", "-1").split("\n").length, 2);
    assert.equal(host.run("ps", "-q", "-n", "1").split("\n").length, 1);
    assert.equal(host.run("ps", "-aq", "--filter", "label=tier=front").split("\n").length, 1);
    assert.equal(host.run("ps", "-q", "--filter", "exited=3").split("\n").length, 1);
    const [row] = host.run("ps", "--format", "json").split("\n");
    assert.equal((JSON.parse(row ?? "") as { Names: string }).Names, "up");
    assert.equal(host.try(["ps", "--filter", "colour=red"]).status, 1);
  });

  it("rename gives the name to one, whatever its state, and takes nobody else's", () => {
    const id = host.detached("--name", "before", "busybox", "sleep", "100");
    host.run("create", "--name", "other", "busybox");
    host.run("rename", "before", "after");
    assert.equal(host.inspect<Inspected>("after").Name, "/after");
    assert.equal(host.try(["inspect", "before"]).status, 1);
    assert.equal(host.try(["rename", "after", "other"]).status, 1);
    assert.equal(host.try(["rename", "after", "a b"]).status, 1);
    host.run("rename", id, "before");
    host.run("run", "--rm", "--name", "after", "busybox", "true");
    host.run("rm", "-f", "before", "other");
  });

  it("restart is a new process of the same container; one with --rm is left alone", () => {
    host.detached("--name", "again", "busybox", "sh", "-c", "echo start; exec sleep 100");
    const before = host.inspect<Inspected>("again").State.Pid;
    assert.equal(host.run("restart", "-t", "0", "again"), "again");
    assert.notEqual(host.inspect<Inspected>("again").State.Pid, before);
    host.detached("--rm", "--name", "fleeting", "busybox", "sleep", "100");
    assert.equal(host.try(["restart", "-t", "0", "fleeting"]).status, 1);
    assert.equal(host.inspect<Inspected>("fleeting").State.Status, "running");
    host.run("rm", "-f", "again", "fleeting");
  });

  it("logs: both streams, the last lines, times, and following until the end", () => {
    host.run("run", "--name", "log", "busybox", "sh", "-c", "for i in 1 2 3; do echo line $i; done; echo oops >&2");
    assert.deepEqual(host.try(["logs", "log"]), { status: 0, stdout: "line 1\nline 2\nline 3\n", stderr: "oops\n" });
    assert.deepEqual(host.try(["logs", "--tail", "2", "log"]), { status: 0, stdout: "line 3\n", stderr: "oops\n" });
    assert.match(host.run("logs", "-t", "log"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 1$/m);
    assert.equal(host.run("logs", "--since", "10m", "log").split("\n").length, 3);
    assert.equal(host.run("logs", "--until", "10m", "log"), "");
    host.detached("--name", "slow", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done");
    assert.equal(host.run("logs", "-f", "slow"), "1\n2\n3");
    assert.match(
      readFileSync(host.inspect<Inspected>("log").LogPath, "utf8"),
      /^\{"log":"line 1\\n","stream":"stdout","time":/,
    );
  });

  it("a signal to a foreground run reaches the container", async () => {
    const trap = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done";
    const child = host.start("run", "--rm", "busybox", "sh", "-c", trap);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    assert.equal(await ended, 42);
  });

  it("attach gets what is written from then on, and the exit code", async () => {
    const id = host.detached("-i", "busybox", "sh", "-c", "read x; echo got $x; exit 4");
    const ran = host.try(["attach", id], { input: "hello\n" });
    assert.deepEqual([ran.status, ran.stdout], [4, "got hello\n"]);
  });

  it("its merged directory is mounted only while it runs", () => {
    const id = host.detached("busybox", "sleep", "100");
    const { MergedDir } = host.inspect<Inspected>(id).GraphDriver.Data;
    assert.ok(existsSync(`${MergedDir}/bin/busybox`));
    host.run("stop", "-t", "0", id);
    assert.equal(existsSync(`${MergedDir}/bin/busybox`), false);
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(MergedDir));
  });
});
