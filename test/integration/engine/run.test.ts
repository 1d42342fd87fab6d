import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { BERTH } from "../../helpers/berth-host.js";
import { DEFAULT_CAPABILITIES, EngineHost } from "../../helpers/engine-host.js";

describeWith([asRoot, program("/bin/busybox")], "berth run", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  after(async () => {
    const left = host.leftovers();
    assert.deepEqual(await host.dispose(), []);
    assert.deepEqual(left, []);
  });

  /** Standard output of a shell script in a container that is removed afterwards. */
  const sh = (script: string, ...flags: readonly string[]): string =>
    host.run("run", "--rm", ...flags, "busybox", "sh", "-c", script);

  it("keeps standard output and standard error apart, and gives the command's own exit code", () => {
    const ran = host.try(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert.deepEqual(ran, { status: 7, stdout: "out\n", stderr: "err\n" });
  });

  it("exit codes: 127 not found, 126 not executable, 125 berth's own failure, 128 + signal", () => {
    assert.equal(host.try(["run", "--rm", "busybox", "/no/such"]).status, 127);
    assert.equal(host.try(["run", "--rm", "busybox", "nosuch"]).status, 127);
    assert.equal(host.try(["run", "--rm", "busybox", "/etc/passwd"]).status, 126);
    assert.equal(host.try(["run", "--rm", "busybox", "/etc"]).status, 126);
    assert.equal(host.try(["run", "--rm", "--memory", "much", "busybox"]).status, 125);
    assert.equal(host.try(["run", "--rm", "--no-such-flag", "busybox"]).status, 125);
    assert.equal(host.try(["run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?"]).status, 137);
  });

  it("failures are one line that says what is wrong", () => {
    for (const args of [
      ["--network", "bridge"],
      ["--cap-add", "CAP_X"],
      ["-v", "name:/x"],
      ["-u", "who"],
      ["-p", "80:80"],
      ["-v", "/dev/null/x:/x"],
      ["--log-opt", "max-file=-1"],
      ["--log-opt", "max-file=0"],
      ["--log-opt", "max-size=0"],
    ]) {
      const { status, stderr } = host.try(["run", "--rm", ...args, "busybox", "true"]);
      assert.equal(status, 125, args.join(" "));
      assert.match(stderr, /^berth: [^\n]+\n$/, args.join(" "));
    }
  });

  it("passes standard input on with -i, and without it the command reads nothing", () => {
    assert.equal(host.try(["run", "--rm", "-i", "busybox", "cat"], { input: "one\ntwo\n" }).stdout, "one\ntwo\n");
    assert.equal(host.try(["run", "--rm", "busybox", "cat"], { input: "one\n" }).stdout, "");
  });

  it("a large output arrives whole", () => {
    const { stdout } = host.try(["run", "--rm", "busybox", "sh", "-c", "yes 0123456789 | head -n 500000"]);
    assert.equal(stdout.length, 11 * 500_000);
  });

  it("a reader that has seen enough is no error: the container runs to its end, and logs -f ends", () => {
    const intoHead = (...args: readonly string[]) =>
      spawnSync("sh", ["-c", '{ "$@"; echo "status $?" >&2; } | head -n 1', "sh", process.execPath, BERTH, ...args], {
        env: host.env,
        encoding: "utf8",
        timeout: 240_000,
      });
    const many = "yes | head -n 200000; exit 5";
    const ran = intoHead("run", "--rm", "busybox", "sh", "-c", many);
    assert.deepEqual([ran.stdout, ran.stderr], ["y\n", "status 5\n"]);
    host.detached("--name", "talking", "busybox", "sh", "-c", "while :; do echo more; sleep 0.1; done");
    const followed = intoHead("logs", "-f", "talking");
    assert.deepEqual([followed.stdout, followed.stderr], ["more\n", "status 0\n"]);
    host.run("rm", "-f", "talking");
    assert.equal(host.run("ps", "-aq"), "");
  });

  it("flags after the image belong to the command", () => {
    assert.equal(host.run("run", "--rm", "busybox", "echo", "--rm", "-d", "--", "x"), "--rm -d -- x");
  });

  it("environment: PATH, HOSTNAME and HOME, -e and --env-file, TERM only on a terminal", () => {
    const file = join(host.directory, "env");
    writeFileSync(file, "# comment\nFROM_FILE=1\nBOTH=file\n");
    const environment = sh("env", "-e", "A=b=c", "-e", "BOTH=flag", "--env-file", file, "-h", "box").split("\n");
    for (const line of ["A=b=c", "BOTH=flag", "FROM_FILE=1", "HOSTNAME=box", "HOME=/root"]) {
      assert.ok(environment.includes(line), line);
    }
    assert.ok(environment.some((line) => line.startsWith("PATH=/usr/local/sbin:")));
    assert.ok(!environment.some((line) => line.startsWith("TERM=")));
  });

  it("working directory: made when missing, and of the user", () => {
    assert.equal(sh("pwd", "-w", "/made/for/it"), "/made/for/it");
    assert.equal(host.try(["run", "--rm", "-w", "relative", "busybox", "pwd"]).status, 125);
  });

  it("user: by name with its groups and home, by number, with a group", () => {
    assert.equal(sh("id -u; id -g; id -G; echo $HOME", "-u", "nobody"), "65534\n65534\n65534 50\n/home");
    assert.equal(sh("id -u; id -g", "-u", "1234:4321"), "1234\n4321");
    assert.equal(sh("id -u; id -g", "-u", "nobody:staff"), "65534\n50");
  });

  it("host name, domain name and the three files of the network", () => {
    assert.equal(sh("hostname; cat /etc/hostname", "-h", "box"), "box\nbox");
    assert.match(sh("hostname"), /^[0-9a-f]{12}$/);
    assert.match(sh("cat /etc/hosts", "--add-host", "db:10.0.0.9"), /^127\.0\.0\.1\tlocalhost$[^]*^10\.0\.0\.9\tdb$/m);
    assert.equal(sh("cat /etc/resolv.conf").trim(), readFileSync("/etc/resolv.conf", "utf8").trim());
  });

  it("--entrypoint replaces the image's entrypoint and command", () => {
    assert.equal(host.run("run", "--rm", "--entrypoint", "/bin/echo", "busybox", "a", "b"), "a b");
  });

  it("its network is loopback alone; --network host is the host's", () => {
    assert.equal(sh("ls /sys/class/net; ip addr show lo | grep -c UP"), "lo\n1");
    assert.equal(
      sh("ls /proc/net/dev >/dev/null; readlink /proc/self/ns/net", "--network", "host"),
      readNamespace("net"),
    );
  });

  it("--pid, --uts and --ipc host join the host's namespaces", () => {
    for (const [flag, name] of [
      ["--pid", "pid"],
      ["--uts", "uts"],
      ["--ipc", "ipc"],
    ] as const) {
      assert.equal(sh(`readlink /proc/self/ns/${name}`, flag, "host"), readNamespace(name), flag);
    }
  });

  it("container:NAME joins another container's namespaces", () => {
    const id = host.detached("--name", "other", "busybox", "sleep", "100");
    const { Pid } = host.inspect<{ State: { Pid: number } }>(id).State;
    for (const [flag, name] of [
      ["--network", "net"],
      ["--pid", "pid"],
      ["--ipc", "ipc"],
    ] as const) {
      assert.equal(sh(`readlink /proc/self/ns/${name}`, flag, "container:other"), readNamespace(name, Pid), flag);
    }
    host.run("rm", "-f", "other");
    assert.equal(host.try(["run", "--rm", "--network", "container:other", "busybox", "true"]).status, 125);
  });

  it("-v mounts a directory of the host, writable or not", () => {
    const shared = join(host.directory, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "a"), "of the host");
    assert.equal(sh("cat /data/a; echo back > /data/b", "-v", `${shared}:/data`), "of the host");
    assert.equal(readFileSync(join(shared, "b"), "utf8"), "back\n");
    assert.match(sh("echo no > /data/c || echo refused", "-v", `${shared}:/data:ro`), /refused/);
    assert.equal(sh("cat /m/a", "--mount", `type=bind,source=${shared},target=/m,readonly`), "of the host");
    assert.equal(host.try(["run", "--rm", "--mount", "type=bind,source=/no/such,target=/m", "busybox"]).status, 125);
  });

  it("--tmpfs, --shm-size and --read-only", () => {
    assert.match(sh("grep ' /scratch ' /proc/mounts", "--tmpfs", "/scratch:size=1m,mode=700"), /^tmpfs .*size=1024k/);
    assert.match(sh("grep ' /dev/shm ' /proc/mounts", "--shm-size", "1m"), /size=1024k/);
    assert.match(sh("touch /x || echo refused; touch /dev/shm/x && echo fine", "--read-only"), /refused\nfine/);
  });

  it("capabilities are Docker's fourteen; --cap-add, --cap-drop and --privileged change them", () => {
    const set = (...flags: readonly string[]): string =>
      sh("grep CapEff /proc/self/status", ...flags).split("\t")[1] ?? "";
    assert.equal(set(), DEFAULT_CAPABILITIES);
    assert.equal(set("--cap-drop", "ALL"), "0000000000000000");
    assert.equal(set("--cap-drop", "ALL", "--cap-add", "chown"), "0000000000000001");
    assert.equal(set("-u", "1000"), "0000000000000000");
    assert.ok(set("--privileged") > "0000010000000000");
    assert.match(sh("grep CapInh /proc/self/status"), /0000000000000000/);
  });

  it("a system call that the profile refuses fails, and works with seccomp=unconfined", () => {
    assert.match(sh("grep Seccomp: /proc/self/status"), /2$/);
    assert.match(sh("grep Seccomp: /proc/self/status", "--security-opt", "seccomp=unconfined"), /0$/);
    assert.match(sh("unshare -m true || echo refused"), /refused/);
    assert.match(sh("grep NoNewPrivs /proc/self/status", "--security-opt", "no-new-privileges"), /1$/);
  });

  it("what tells about the host is masked or read-only", () => {
    assert.match(sh("cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l"), /^0\n0$/);
    assert.match(sh("echo 1 > /proc/sys/kernel/panic || echo refused"), /refused/);
    assert.match(sh("mkdir /sys/fs/cgroup/x || echo refused"), /refused/);
  });

  it("/dev has the standard nodes and links, and nothing else of the host", () => {
    const nodes = sh("ls /dev").split("\n").sort();
    const expected = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" ");
    assert.deepEqual(nodes, expected);
    assert.equal(sh("head -c 3 /dev/zero | wc -c; echo x > /dev/null; echo y > /dev/stdout"), "3\ny");
  });

  it("--ulimit, --sysctl and --oom-score-adj are in force", () => {
    assert.equal(sh("ulimit -n", "--ulimit", "nofile=77:88"), "77");
    assert.equal(sh("cat /proc/sys/net/ipv4/ip_forward", "--sysctl", "net.ipv4.ip_forward=1"), "1");
    assert.equal(sh("cat /proc/self/oom_score_adj", "--oom-score-adj", "500"), "500");
    assert.equal(host.try(["run", "--rm", "--sysctl", "kernel.panic=1", "busybox", "true"]).status, 125);
  });

  it("--device gives a device of the host; others cannot be opened", () => {
    assert.equal(sh("ls -l /dev/mine | cut -c1", "--device", "/dev/null:/dev/mine"), "c");
    assert.match(sh("mknod /tmp/d b 254 0 && cat /tmp/d >/dev/null || echo refused"), /refused/);
  });

  it("-v on /dev or /sys/fs/cgroup takes the place of what is made there, and the host's directory stays as it is", () => {
    const dev = join(host.directory, "dev");
    mkdirSync(dev);
    host.try(["run", "--rm", "-v", `${dev}:/dev`, "busybox", "true"]);
    assert.deepEqual(readdirSync(dev), []);
    assert.equal(sh("echo $(ls /sys/fs/cgroup)", "-v", `${dev}:/sys/fs/cgroup`), "");
    // Of the host's own nodes others may come and go.
    const made = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero console".split(" ");
    const ofThem = () => readdirSync("/dev").filter((name) => made.includes(name));
    const nodes = ofThem();
    assert.equal(sh("test -c /dev/zero && test -e /dev/ptmx && echo there", "-v", "/dev:/dev"), "there");
    assert.deepEqual(ofThem(), nodes);
  });

  it("two mounts on one path are refused, however it is written", () => {
    for (const target of ["/m/", "//m", "/./m"]) {
      const { status, stderr } = host.try(["run", "--rm", "--tmpfs", "/m", "-v", `/tmp:${target}`, "busybox", "true"]);
      assert.equal(status, 125, target);
      assert.match(stderr, /^berth: two mounts on \/m: [^\n]+\n$/, target);
    }
  });

  it("logs shows what was rotated away, too", () => {
    host.run(
      "run",
      "--name",
      "rotating",
      "--log-opt",
      "max-size=1k",
      "--log-opt",
      "max-file=9",
      "busybox",
      "seq",
      "40",
    );
    const all = Array.from({ length: 40 }, (_, i) => String(i + 1));
    assert.equal(host.run("logs", "rotating"), all.join("\n"));
    assert.equal(host.run("logs", "--tail", "25", "rotating"), all.slice(-25).join("\n"));
    host.run("rm", "rotating");
  });

  it("--cidfile holds the ID, and an existing one is not overwritten", () => {
    const file = join(host.directory, "cid");
    assert.equal(
      host.run("run", "--rm", "--cidfile", file, "busybox", "hostname"),
      readFileSync(file, "utf8").slice(0, 12),
    );
    const again = host.try(["run", "--rm", "--cidfile", file, "busybox", "true"]);
    assert.equal(again.status, 125);
    assert.match(again.stderr, /^berth: --cidfile [^\n]+ is there already[^\n]*\n$/);
  });

  it("an image that is not there: pulled by default, refused with --pull never", () => {
    const { status, stderr } = host.try(["run", "--rm", "--pull", "never", "127.0.0.1:1/none", "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /^berth: [^\n]+\n$/);
    assert.match(host.try(["run", "--rm", "127.0.0.1:1/none", "true"]).stderr, /^Unable to find image/);
  });
});

function readNamespace(name: string, pid: number | "self" = "self"): string {
  return readlinkSync(`/proc/${String(pid)}/ns/${name}`);
}
