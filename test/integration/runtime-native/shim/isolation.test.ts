import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";

import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { processPlan, ShimHost } from "../../../helpers/shim-container.js";
import { launchAttached, runToEnd, ShimClient } from "../../../helpers/shim-client.js";

describeWith([asRoot, program("/bin/busybox")], "a container is isolated", () => {
  const host = new ShimHost();
  before(() => host.prepare());
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  const output = async (script: string, change?: Parameters<ShimHost["plan"]>[1]): Promise<string> => {
    const { stdout, stderr, exitCode } = await runToEnd(host.plan(["sh", "-c", script], change));
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    return stdout;
  };

  it("its command is process 1 and sees no other process", async () => {
    const plan = host.plan(["sh", "-c", "echo $$; ls /proc | grep '^[0-9]' | tr '\\n' ' '; exit 0"]);
    const { stdout } = await runToEnd(plan);
    // sh, ls, grep, tr
    assert.match(stdout, /^1\n1 (\d+ )+$/);
    assert.ok(
      stdout
        .split("\n")[1]
        ?.split(" ")
        .filter(Boolean)
        .every((pid) => Number(pid) < 10),
    );
  });

  it("each new namespace differs from the host's, each host one is the host's", async () => {
    const kinds = ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"];
    const inside = (await output(`for n in ${kinds.join(" ")}; do readlink /proc/self/ns/$n; done`)).trim().split("\n");
    const shared = kinds.filter((kind, index) => inside[index] === readlinkSync(`/proc/self/ns/${kind}`));
    assert.deepEqual(shared, ["user", "time"]);
  });

  it("a time namespace and a user namespace can be its own as well", async () => {
    const maps = {
      uid: [{ containerId: 0, hostId: 0, size: 65536 }],
      gid: [{ containerId: 0, hostId: 0, size: 65536 }],
    };
    const text = await output(
      "readlink /proc/self/ns/time; readlink /proc/self/ns/user; cat /proc/self/uid_map; id -u; echo x > /dev/null",
      (plan) => {
        plan.namespaces = { ...plan.namespaces, user: { kind: "new" }, time: { kind: "new" } };
        plan.idMaps = maps;
      },
    );
    const [time, user, map, id] = text.split("\n");
    assert.notEqual(time, readlinkSync("/proc/self/ns/time"));
    assert.notEqual(user, readlinkSync("/proc/self/ns/user"));
    assert.match(map ?? "", /^\s+0\s+0\s+65536$/);
    assert.equal(id, "0");
  });

  it("root of a user namespace is nobody outside, has a terminal and devices, and exec joins it", async () => {
    const maps = [{ containerId: 0, hostId: 100_000, size: 65536 }];
    const plan = host.plan([], (own) => {
      own.namespaces = { ...own.namespaces, user: { kind: "new" } };
      own.idMaps = { uid: maps, gid: maps };
      own.process = processPlan(["sh", "-c", "id -u; echo x > /dev/null; test -c /dev/zero && tty; read line"], {
        tty: true,
      });
      own.io = { ...own.io, openStdin: true };
    });
    const { client, pid } = await launchAttached(plan);
    assert.equal(await client.until(/pts\/0\r\n/), "0\r\n/dev/pts/0\r\n");
    assert.match(readFileSync(`/proc/${String(pid)}/status`, "utf8"), /Uid:\t100000\t100000\t100000\t100000/);
    const exec = await ShimClient.exec(plan, processPlan(["sh", "-c", "id -u; readlink /proc/self/ns/user"])).finish();
    assert.equal(exec.stdout, `0\n${readlinkSync(`/proc/${String(pid)}/ns/user`)}\n`);
    process.kill(pid, "SIGKILL");
    await client.finish();
  });

  it("joins another container's namespaces", async () => {
    const first = await launchAttached(host.plan(["sleep", "1000"], (plan) => (plan.hostname = "first")));
    const path = (name: string): string => `/proc/${String(first.pid)}/ns/${name}`;
    const joined = await output("readlink /proc/self/ns/net; hostname; cat /proc/1/comm", (plan) => {
      const join = (name: string) => ({ kind: "join" as const, path: path(name) });
      plan.namespaces = { ...plan.namespaces, net: join("net"), uts: join("uts"), pid: join("pid"), ipc: join("ipc") };
    });
    assert.equal(joined, `${readlinkSync(path("net"))}\nfirst\nsleep\n`);
    process.kill(first.pid, "SIGKILL");
    assert.equal((await first.client.finish()).exitCode, 137);
  });

  it("has its own host name and domain name", async () => {
    const names = await output("hostname; cat /proc/sys/kernel/domainname", (plan) => {
      plan.hostname = "berthed";
      plan.domainname = "example.test";
    });
    assert.equal(names, "berthed\nexample.test\n");
  });

  it("its network has a loopback device, up, and nothing else", async () => {
    const devices = await output("ls /sys/class/net; ip -o addr show lo");
    assert.match(devices, /^lo\n/);
    assert.match(devices, /inet 127\.0\.0\.1\/8/);
  });

  it("/proc/mounts shows its own mounts only, the root first", async () => {
    const targets = (await output("cat /proc/mounts"))
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" ")[1] ?? "");
    assert.equal(targets[0], "/");
    assert.ok(
      targets.every((target) => /^\/($|proc|dev|sys)/.test(target)),
      targets.join(),
    );
  });

  it("no descriptor but its three streams is open", async () => {
    // 3 is the directory that ls reads.
    assert.equal(await output("exec ls /proc/self/fd"), "0\n1\n2\n3\n");
  });

  it("sees its own cgroup as the root of every hierarchy", async () => {
    const paths = (await output("cat /proc/self/cgroup"))
      .trim()
      .split("\n")
      .map((line) => line.split(":")[2]);
    assert.ok(paths.length > 0);
    assert.ok(
      paths.every((path) => path === "/"),
      paths.join(),
    );
  });

  it("is in the cgroups that the plan names, and so is what it starts", async () => {
    const plan = host.plan(["sh", "-c", "sleep 1000 & echo ready; wait"]);
    const { client, pid } = await launchAttached(plan);
    await client.until(/ready/);
    for (const members of host.cgroupOf(plan).members()) {
      assert.ok(members.includes(pid));
      assert.equal(members.length, 2);
    }
    process.kill(pid, "SIGKILL");
    await client.finish();
  });

  it("changes made inside appear in the merged and the upper directory of the host at once", async () => {
    const plan = host.plan(["sh", "-c", "echo new > /made; rm /etc/group; echo done; sleep 1000"]);
    const { client, pid } = await launchAttached(plan);
    await client.until(/done/);
    assert.equal(readFileSync(`${plan.rootfs.merged}/made`, "utf8"), "new\n");
    assert.equal(readFileSync(`${plan.rootfs.upper}/made`, "utf8"), "new\n");
    assert.equal(existsSync(`${plan.rootfs.merged}/etc/group`), false);
    assert.ok(statSync(`${plan.rootfs.upper}/etc/group`).isCharacterDevice());
    process.kill(pid, "SIGKILL");
    await client.finish();
    assert.equal(existsSync(`${plan.rootfs.merged}/made`), false);
  });

  it("masked paths show nothing, read-only paths take no write", async () => {
    const text = await output(
      "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 2>/dev/null > /proc/sys/kernel/panic || echo refused",
    );
    assert.equal(text, "0\n0\nrefused\n");
  });

  it("a read-only root takes no write, its mounts do", async () => {
    const text = await output("touch /made 2>&1; touch /dev/shm/made && echo shm", (plan) => {
      plan.rootfs = { ...plan.rootfs, readonly: true };
    });
    assert.equal(text, "touch: /made: Read-only file system\nshm\n");
  });

  it("sysctls are set in its namespaces and not on the host", async () => {
    const text = await output("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; echo $?", (plan) => {
      plan.sysctls = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "4242" };
    });
    assert.equal(text, "1\n4242\n0\n");
    assert.notEqual(readFileSync("/proc/sys/kernel/msgmax", "utf8"), "4242\n");
  });

  it("runs as the plan's user, groups, limits and capabilities, in its working directory", async () => {
    const script =
      "id; ulimit -n; pwd; grep -E 'Cap|NoNewPrivs|Umask' /proc/self/status; touch /root/x 2>/dev/null || echo denied; echo > /proc/self/fd/1";
    const text = await output(script, (plan) => {
      plan.process = processPlan(plan.process.args, {
        uid: 65534,
        gid: 65534,
        additionalGids: [50],
        cwd: "/made/on/demand",
        noNewPrivileges: true,
        rlimits: [{ resource: 7, soft: 100n, hard: 200n }],
      });
    });
    assert.match(text, /^uid=65534\(nobody\) gid=65534\(nobody\) groups=50\(staff\)/);
    assert.match(text, /\n100\n\/made\/on\/demand\n/);
    assert.match(text, /CapInh:\t0{16}\nCapPrm:\t0{16}\nCapEff:\t0{16}\nCapBnd:\t00000000a80425fb\nCapAmb:\t0{16}\n/);
    assert.match(text, /NoNewPrivs:\t1\n/);
    assert.match(text, /denied/);
  });

  it("root has the plan's capabilities and no others", async () => {
    assert.match(
      await output("grep Cap /proc/self/status"),
      /CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb/,
    );
  });

  it("binds files and directories of the host, read-only where asked", async () => {
    mkdirSync(`${host.directory}/volume`);
    writeFileSync(`${host.directory}/volume/file`, "from the host\n");
    const text = await output(
      "cat /data/file /etc/one; touch /data/new 2>&1; echo changed > /etc/one; cat /etc/one",
      (plan) => {
        plan.mounts = [
          ...plan.mounts,
          { type: "rbind", source: `${host.directory}/volume`, target: "/data", options: { readonly: true }, data: "" },
          { type: "bind", source: `${host.directory}/volume/file`, target: "/etc/one", options: {}, data: "" },
        ];
      },
    );
    assert.equal(text, "from the host\nfrom the host\ntouch: /data/new: Read-only file system\nchanged\n");
  });
});
