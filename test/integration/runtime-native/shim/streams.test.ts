import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { type LaunchPlan, shimRequest } from "../../../../runtime-native/index.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { launchAttached, runToEnd, ShimClient } from "../../../helpers/shim-client.js";
import { processPlan, ShimHost } from "../../../helpers/shim-container.js";

interface LogEntry {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

const logOf = (plan: LaunchPlan, suffix = ""): LogEntry[] =>
  readFileSync(`${plan.io.log?.path ?? ""}${suffix}`, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogEntry);

describeWith([asRoot, program("/bin/busybox")], "a container's streams", () => {
  const host = new ShimHost();
  before(() => host.prepare());
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  describe("the log", () => {
    it("holds one json-file entry a line, with stream and time", async () => {
      const plan = host.plan(["sh", "-c", "echo out; echo err >&2; printf 'a\"\\\\\\t<\\377>\\n'; printf unfinished"]);
      await runToEnd(plan);
      const entries = logOf(plan);
      const text = (stream: string) => entries.filter((entry) => entry.stream === stream).map((entry) => entry.log);
      assert.deepEqual(text("stdout"), ["out\n", 'a"\\\t<\ufffd>\n', "unfinished"]);
      assert.deepEqual(text("stderr"), ["err\n"]);
      for (const { time } of entries) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    });

    it("cuts a line of more than 16 KiB into parts without a newline", async () => {
      const plan = host.plan(["sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x; echo"]);
      await runToEnd(plan);
      const lengths = logOf(plan).map((entry) => entry.log.length);
      assert.deepEqual(lengths, [16384, 16384, 40000 - 2 * 16384 + 1]);
    });

    it("rotates at its size and keeps as many files as asked for", async () => {
      const plan = host.plan(["sh", "-c", "for i in $(seq 1000); do echo line $i; done"], (own) => {
        own.io = { ...own.io, log: { path: own.io.log?.path ?? "", maxBytes: 10_000, maxFiles: 3 } };
      });
      await runToEnd(plan);
      const kept = [...logOf(plan, ".2"), ...logOf(plan, ".1"), ...logOf(plan)].map((entry) => entry.log);
      assert.equal(kept.at(-1), "line 1000\n");
      assert.ok(kept.length > 200 && kept.length < 500, String(kept.length));
      assert.throws(() => logOf(plan, ".3"), { code: "ENOENT" });
      for (const suffix of ["", ".1", ".2"])
        assert.ok(readFileSync(`${plan.io.log?.path ?? ""}${suffix}`).length <= 10_200);
    });

    it("loses nothing of a large output", async () => {
      const plan = host.plan(["sh", "-c", "seq 200000"]);
      const { stdout } = await runToEnd(plan);
      const expected = Array.from({ length: 200_000 }, (_, index) => `${String(index + 1)}\n`).join("");
      assert.equal(stdout, expected);
      assert.equal(
        logOf(plan)
          .map((entry) => entry.log)
          .join(""),
        expected,
      );
    });
  });

  describe("stdin", () => {
    it("is at its end at once when it was not asked for", async () => {
      assert.equal((await runToEnd(host.plan(["wc", "-c"]))).stdout, "0\n");
    });

    it("with StdinOnce ends when the first client closes its side", async () => {
      const plan = host.plan(["cat"], (own) => (own.io = { ...own.io, openStdin: true, stdinOnce: true }));
      const { client } = await launchAttached(plan);
      client.send(shimRequest.stdin(Buffer.from("line\n")), shimRequest.closeStdin());
      const { stdout, exitCode } = await client.finish();
      assert.deepEqual([stdout, exitCode], ["line\n", 0]);
    });

    it("of a process that ends without reading it costs a client that still sends neither output nor exit code", async () => {
      const plan = host.plan(
        ["sh", "-c", "echo said; exit 9"],
        (own) => (own.io = { ...own.io, openStdin: true, stdinOnce: true }),
      );
      const { client } = await launchAttached(plan);
      const feed = setInterval(() => {
        client.send(shimRequest.stdin(Buffer.alloc(1000)));
      }, 1);
      try {
        await sleep(100);
        const { stdout, exitCode } = await client.finish();
        assert.deepEqual([stdout, exitCode], ["said\n", 9]);
      } finally {
        clearInterval(feed);
      }
    });

    it("without StdinOnce stays open for the next client", async () => {
      const plan = host.plan(["sh", "-c", "read a; echo got $a; read b; echo got $b"], (own) => {
        own.io = { ...own.io, openStdin: true };
      });
      const { client } = await launchAttached(plan);
      client.send(shimRequest.stdin(Buffer.from("one\n")), shimRequest.closeStdin());
      await client.until(/got one/);
      const second = ShimClient.connect(plan);
      second.send(shimRequest.attach({ stdin: true, stdout: false, stderr: false }));
      assert.equal((await second.next()).type, "started");
      second.send(shimRequest.stdin(Buffer.from("two\n")));
      assert.equal((await client.finish()).stdout, "got two\n");
      assert.equal((await second.finish()).exitCode, 0);
    });
  });

  it("a terminal is the controlling one, on /dev/console too, and can be resized", async () => {
    const script = "tty; echo x > /dev/tty; test -c /dev/console && echo console; stty size; read line; stty size";
    const plan = host.plan([], (own) => {
      own.process = processPlan(["sh", "-c", script], { tty: true, consoleSize: { rows: 24, columns: 80 } });
      own.io = { ...own.io, openStdin: true };
    });
    const { client } = await launchAttached(plan);
    assert.equal(await client.until(/24 80\r\n/), "/dev/pts/0\r\nx\r\nconsole\r\n24 80\r\n");
    const control = ShimClient.connect(plan);
    // Requests are met in order: the answer to the second is the first one's, too.
    control.send(shimRequest.resize({ rows: 50, columns: 132 }), shimRequest.kill(0));
    assert.equal((await control.next()).type, "done");
    client.send(shimRequest.stdin(Buffer.from("\n")));
    assert.match((await client.finish()).stdout, /50 132/);
    control.close();
    assert.ok(logOf(plan).every((entry) => entry.stream === "stdout"));
  });

  it("a terminal is standard input, output and error, for a command that is executed later as well", async () => {
    const script = "echo error >&2; for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; ls -1 /proc/$$/fd; read line";
    const onTerminal = processPlan(["sh", "-c", script], { tty: true });
    const plan = host.plan([], (own) => {
      own.process = onTerminal;
      own.io = { ...own.io, openStdin: true };
    });
    const seen = /^error\r\n(\/dev\/pts\/\d\r\n)\1{2}0\r\n1\r\n2\r\n/;
    const { client } = await launchAttached(plan);
    await client.until(seen);
    const second = ShimClient.exec(plan, onTerminal, { detach: false, openStdin: true });
    await second.until(seen);
    for (const each of [second, client]) {
      each.send(shimRequest.stdin(Buffer.from("\n")));
      await each.finish();
    }
  });

  it("what a terminal's user types reaches the foreground process as a signal", async () => {
    const plan = host.plan([], (own) => {
      own.process = processPlan(
        ["sh", "-c", "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done"],
        { tty: true },
      );
      own.io = { ...own.io, openStdin: true };
    });
    const { client } = await launchAttached(plan);
    await client.until(/ready/);
    client.send(shimRequest.stdin(Buffer.from("\x03")));
    const { stdout, exitCode } = await client.finish();
    assert.match(stdout, /interrupted/);
    assert.equal(exitCode, 5);
  });

  it("attaching sees output from then on, each client only the streams it asked for", async () => {
    const plan = host.plan(["sh", "-c", "echo early; read x; echo late; echo wrong >&2"], (own) => {
      own.io = { ...own.io, openStdin: true };
    });
    const { client } = await launchAttached(plan);
    await client.until(/early/);
    const second = ShimClient.connect(plan);
    second.send(shimRequest.attach({ stdin: false, stdout: true, stderr: false }));
    assert.equal((await second.next()).type, "started");
    client.send(shimRequest.stdin(Buffer.from("\n")));
    const seen = await second.finish();
    assert.deepEqual([seen.stdout, seen.stderr], ["late\n", ""]);
    assert.equal((await client.finish()).stderr, "wrong\n");
  });

  it("a client that reads nothing holds up the process, and neither kill, exec nor wait", async () => {
    const plan = host.plan(["sh", "-c", "yes $(seq 100) | head -c 3000000; echo finished >&2; sleep 1000"]);
    const { client, pid } = await launchAttached(plan);
    client.socket.pause();
    const logged = (): number => readFileSync(plan.io.log?.path ?? "").length;
    for (let before = -1; before !== logged(); await sleep(1000)) before = logged();
    assert.ok(logged() < 3_000_000);
    const { stdout } = await ShimClient.exec(plan, processPlan(["echo", "still served"])).finish();
    assert.equal(stdout, "still served\n");
    client.socket.resume();
    await client.until(/finished/);
    process.kill(pid, "SIGKILL");
    await client.finish();
  });

  it("a client that goes away without reading lets the process go on", async () => {
    const plan = host.plan(["sh", "-c", "yes $(seq 100) | head -c 3000000; echo finished > /finished; sleep 1000"]);
    const { client, pid } = await launchAttached(plan);
    client.socket.pause();
    await sleep(200);
    client.close();
    const probe = processPlan(["sh", "-c", "while ! test -e /finished; do sleep 0.05; done"]);
    assert.equal((await ShimClient.exec(plan, probe).finish()).exitCode, 0);
    process.kill(pid, "SIGKILL");
  });

  it("a malformed frame closes its connection and nothing else", async () => {
    const plan = host.plan(["sleep", "1000"]);
    const { client, pid } = await launchAttached(plan);
    const frames = [
      Buffer.from([99, 0, 0, 0, 0]),
      Buffer.from([2, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([1, 0, 0, 0, 1, 0]),
      Buffer.from([4, 0, 0, 0, 1, 0]),
      Buffer.from([2, 0, 0, 0, 1, 65]),
      Buffer.concat([
        shimRequest.attach({ stdin: false, stdout: true, stderr: true }),
        shimRequest.attach({ stdin: false, stdout: true, stderr: true }),
      ]),
    ];
    for (const frame of frames) {
      const socket = connect(plan.socketPath);
      socket.resume();
      socket.on("error", () => undefined);
      socket.write(frame);
      await new Promise((resolve) => socket.on("close", resolve));
    }
    const cut = ShimClient.connect(plan);
    cut.send(Buffer.from([5, 0, 0, 0, 3, 0, 0, 0]));
    assert.equal((await cut.next()).type, "error");
    assert.equal((await ShimClient.exec(plan, processPlan(["echo", "fine"])).finish()).stdout, "fine\n");
    process.kill(pid, "SIGKILL");
    assert.equal((await client.finish()).exitCode, 137);
  });
});
