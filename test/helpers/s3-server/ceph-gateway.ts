import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { runProgram } from "../child-process.js";
import { freePort } from "../free-port.js";

/** What the gateway is started with, from Debian's radosgw, ceph-mon and ceph-osd (which bring the other three). */
export const CEPH_PROGRAMS = [
  "/usr/bin/radosgw",
  "/usr/bin/ceph-mon",
  "/usr/bin/ceph-osd",
  "/usr/bin/ceph",
  "/usr/bin/radosgw-admin",
  "/usr/bin/monmaptool",
];

const CLUSTER_ID = "00000000-0000-0000-0000-000000000002";
const OSD_ID = "11111111-1111-1111-1111-111111111111";
/** Against hanging alone: a start takes ten seconds. */
const START_TIMEOUT_MS = 240_000;
const STARTS = 3;
/** Of all daemons together, in one start. */
const MAX_RESTARTS = 20;
const RESTART_PAUSE_MS = 250;

/**
 * A Ceph cluster of one monitor, one storage daemon that keeps everything in memory, and the S3 gateway, on free ports of
 * 127.0.0.1 and below one temporary directory. Takes about ten seconds to start. The daemons run in the foreground as
 * children that the kernel kills when this process dies, so that even a killed test run leaves none.
 */
export class CephGateway {
  readonly accessKeyId = "test";
  readonly secretAccessKey = "testtesttest";
  readonly #daemons = new Set<ChildProcess>();
  #restarts = 0;
  #isStopped = false;

  private constructor(
    private readonly directory: string,
    private readonly monitorPort: number,
    private readonly port: number,
  ) {}

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Begins again, on other ports, when somebody else was quicker to listen on one of them. */
  static async start(): Promise<CephGateway> {
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), "berth-ceph-"));
      const gateway = new CephGateway(directory, await freePort(), await freePort());
      try {
        await gateway.#start();
        return gateway;
      } catch (error) {
        const log = gateway.#endOfLogs();
        await gateway.stop();
        if (attempt === STARTS) throw new Error(`the Ceph gateway did not start:\n${log}`, { cause: error });
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // The gateway first: it waits for storage that has gone.
    const daemons = [...this.#daemons].toReversed();
    this.#daemons.clear();
    for (const daemon of daemons) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue;
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      daemon.kill("SIGKILL");
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    for (const name of ["mon", "osd", "run"]) mkdirSync(join(this.directory, name));
    writeFileSync(this.#configFile, this.#config());
    const map = join(this.directory, "monmap");
    const monitor = `[v1:127.0.0.1:${String(this.monitorPort)}]`;
    await runProgram("monmaptool", ["--create", "--clobber", "--fsid", CLUSTER_ID, "--addv", "a", monitor, map]);
    await this.#run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map);
    this.#daemon("ceph-mon", "-i", "a");
    await this.#run("ceph", "osd", "new", OSD_ID);
    await this.#run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", OSD_ID);
    this.#daemon("ceph-osd", "-i", "0");
    const { accessKeyId, secretAccessKey } = this;
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
    await this.#run("radosgw-admin", "user", "create", "--uid=test", "--display-name=test", "--max-buckets=0", ...keys);
    this.#daemon("radosgw", "-n", "client.rgw.x");
    await this.#answers();
  }

  get #configFile(): string {
    return join(this.directory, "ceph.conf");
  }

  async #run(program: string, ...args: string[]): Promise<void> {
    await runProgram(program, ["-c", this.#configFile, ...args], { timeoutMs: START_TIMEOUT_MS });
  }

  #daemon(program: string, ...args: string[]): void {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, "-c", this.#configFile, "-f", ...args], {
      stdio: "ignore",
    });
    this.#daemons.add(child);
    // A storage daemon that asks the monitor too soon after its start is told "wrong fsid" and gives up; the next one is not.
    child.once("exit", () => {
      if (this.#isStopped || ++this.#restarts > MAX_RESTARTS) return;
      setTimeout(() => {
        if (this.#isStopped) return;
        this.#daemons.delete(child);
        this.#daemon(program, ...args);
      }, RESTART_PAUSE_MS).unref();
    });
  }

  async #answers(): Promise<void> {
    const end = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      if (this.#restarts > MAX_RESTARTS) throw new Error("its daemons keep ending");
      if (Date.now() > end) throw new Error(`nobody listens on port ${String(this.port)}`);
      await sleep(50);
    }
  }

  #endOfLogs(): string {
    return ["mon.a", "osd.0", "client.rgw.x"]
      .map((name) => {
        try {
          return readFileSync(join(this.directory, `${name}.log`), "utf8").slice(-1000);
        } catch {
          return `(no log of ${name})`;
        }
      })
      .join("\n");
  }

  #config(): string {
    const { directory } = this;
    const settings = {
      fsid: CLUSTER_ID,
      "mon host": `127.0.0.1:${String(this.monitorPort)}`,
      "mon initial members": "a",
      "public addr": "127.0.0.1",
      "cluster addr": "127.0.0.1",
      "ms bind msgr2": "false",
      "auth cluster required": "none",
      "auth service required": "none",
      "auth client required": "none",
      // One copy in one place.
      "osd pool default size": "1",
      "osd pool default min size": "1",
      "osd pool default pg num": "4",
      "osd pool default pg autoscale mode": "off",
      "mon allow pool size one": "true",
      "mon warn on pool no redundancy": "false",
      "osd crush chooseleaf type": "0",
      "osd objectstore": "memstore",
      "memstore device bytes": String(6 * 1024 ** 3),
      // The host's disk may be nearly full: nothing of value is kept on it.
      "mon data avail crit": "1",
      "run dir": join(directory, "run"),
      "admin socket": join(directory, "run", "$name.asok"),
      "log file": join(directory, "$name.log"),
      "mon data": join(directory, "mon"),
      "osd data": join(directory, "osd"),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    const frontend = `rgw frontends = beast endpoint=127.0.0.1:${String(this.port)}`;
    return ["[global]", ...lines, "[client]", frontend, "rgw dns name =", "rgw enable usage log = false", ""].join(
      "\n",
    );
  }
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
