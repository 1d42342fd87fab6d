import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";

import { BerthHost } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { importBusybox } from "../../helpers/lesson-images.js";

interface Container {
  Id: string;
  State: { Pid: number };
}

const NAMESPACES = ["mnt", "uts", "ipc", "pid", "net", "cgroup"] as const;

describeWith([asRoot, program("/bin/busybox")], "lesson: a container is a process in its own namespaces", () => {
  const host = new BerthHost();
  before(async () => {
    await importBusybox(host, "busybox");
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  it("inside it is PID 1 and /proc shows only its own tree", () => {
    const processes = host.run("run", "--rm", "busybox", "sh", "-c", "echo $$; ls /proc | grep '^[0-9]'").split("\n");
    assert.equal(processes[0], "1");
    assert.ok(processes.length <= 5, `${String(processes.length)} processes`);
  });

  it("on the host it is an ordinary process with another PID, in other namespaces than ours", () => {
    const id = host.run("run", "-d", "busybox", "sleep", "100");
    const { State } = host.inspect<Container>(id);
    assert.ok(State.Pid > 1);
    assert.match(readFileSync(`/proc/${String(State.Pid)}/status`, "utf8"), /^NSpid:\t\d+\t1$/m);
    assert.equal(readFileSync(`/proc/${String(State.Pid)}/cmdline`, "utf8"), "sleep\x00100\x00");
    for (const namespace of NAMESPACES) {
      const [theirs, ours] = [String(State.Pid), "self"].map((pid) => readlinkSync(`/proc/${pid}/ns/${namespace}`));
      assert.notEqual(theirs, ours, namespace);
    }
    host.run("rm", "-f", id);
  });

  it("two containers hold the same PIDs", () => {
    const ids = [1, 2].map(() => host.run("run", "-d", "busybox", "sleep", "100"));
    for (const id of ids) assert.match(host.run("exec", id, "ps"), /^ +1 root +(?:[0-9:]+ +)?sleep 100$/m);
    const pids = ids.map((id) => host.inspect<Container>(id).State.Pid);
    assert.notEqual(pids[0], pids[1]);
    host.run("rm", "-f", ...ids);
  });

  it("exec joins the namespaces that are there", () => {
    const id = host.run("run", "-d", "-h", "lesson", "busybox", "sleep", "100");
    const { Pid } = host.inspect<Container>(id).State;
    for (const namespace of NAMESPACES) {
      const inside = host.run("exec", id, "readlink", `/proc/self/ns/${namespace}`);
      assert.equal(inside, readlinkSync(`/proc/${String(Pid)}/ns/${namespace}`), namespace);
    }
    assert.equal(host.run("exec", id, "hostname"), "lesson");
    host.run("rm", "-f", id);
  });

  it("its root is the merged directory: nothing above it can be reached", () => {
    const above = "cd /; i=0; while [ $i -lt 40 ]; do cd ..; i=$((i+1)); done; pwd; ls";
    const [directory, ...names] = host.run("run", "--rm", "busybox", "sh", "-c", above).split("\n");
    assert.equal(directory, "/");
    assert.deepEqual(names, host.run("run", "--rm", "busybox", "ls", "/").split("\n"));
    assert.equal(
      host
        .run(
          "run",
          "--rm",
          "busybox",
          "sh",
          "-c",
          "grep -c . /proc/mounts; grep -c ' / overlay' /proc/mounts || grep -c '^overlay / ' /proc/mounts",
        )
        .split("\n")
        .at(-1),
      "1",
    );
    const escape =
      "mkdir -p /x; chroot /x /bin/true 2>/dev/null; ls -d /../../../../root/.. | wc -l; cat /proc/1/root/etc/passwd | head -n 1";
    assert.match(host.run("run", "--rm", "busybox", "sh", "-c", escape), /root:x:0:0/);
  });
});
