import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";

import { ownProcessIdentity, processState } from "../../../storage/process-identity.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { waitUntil } from "../../helpers/wait-until.js";

const MODULE = new URL("../../../storage/process-identity.js", import.meta.url).href;
/** Says who it is, and then of each identity that it is told what has become of that process; ends with its input. */
const ASKED = `
  import { createInterface } from "node:readline";
  import { ownProcessIdentity, processState } from ${JSON.stringify(MODULE)};
  console.log(ownProcessIdentity());
  createInterface(process.stdin).on("line", (line) => console.log(processState(line)));
`;
const NODE = [process.execPath, "--input-type=module", "--eval", ASKED];

/** A process that knows about others, perhaps in namespaces of its own. */
class Observer {
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error("no stdout");
    this.#lines = createInterface(child.stdout);
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  static start(...command: readonly string[]): Observer {
    const [file = "", ...args] = command;
    return new Observer(spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  async next(): Promise<string> {
    const { value } = await this.#answers.next();
    return typeof value === "string" ? value : assert.fail("the process has ended");
  }

  async stateOf(identity: string): Promise<string> {
    this.child.stdin?.write(`${identity}\n`);
    return await this.next();
  }

  async end(): Promise<void> {
    const ended = this.child.exitCode === null ? once(this.child, "exit") : undefined;
    this.child.stdin?.end();
    await ended;
    this.#lines.close();
  }
}

const pidOf = (identity: string): string => identity.split(".")[2] ?? "";

describe("process identities", () => {
  let observers: Observer[];

  beforeEach(() => {
    observers = [];
  });

  afterEach(async () => {
    for (const observer of observers) await observer.end();
  });

  const start = (...command: readonly string[]): Observer => {
    const observer = Observer.start(...command);
    observers.push(observer);
    return observer;
  };

  it("tell who runs from who has ended", async () => {
    assert.equal(processState(ownProcessIdentity()), "alive");
    const other = start(...NODE);
    const identity = await other.next();
    assert.equal(processState(identity), "alive");
    assert.equal(await other.stateOf(ownProcessIdentity()), "alive");
    await other.end();
    assert.equal(processState(identity), "dead");
  });

  it("are not taken from whoever has the same PID later", () => {
    const [boot = "", namespaces = "", pid = ""] = ownProcessIdentity().split(".");
    assert.equal(processState([boot, namespaces, pid, "1"].join(".")), "dead");
  });

  it("tell that it has ended of a process whose parent does not ask", async () => {
    const parent = start("sh", "-c", '"$@" </dev/null & exec cat', "sh", ...NODE);
    const identity = await parent.next();
    await waitUntil("it has ended", () => readFileSync(`/proc/${pidOf(identity)}/stat`, "latin1").includes(") Z "));
    assert.equal(processState(identity), "dead");
  });

  it("say nothing of another host, another boot, and of what is no identity", () => {
    const [, namespaces = "", pid = "", startTime = ""] = ownProcessIdentity().split(".");
    assert.equal(processState(["another-boot", namespaces, pid, startTime].join(".")), "unknown");
    const [boot = ""] = ownProcessIdentity().split(".");
    for (const pid of ["", "0", "-1", "self", "1e3"]) {
      assert.equal(processState([boot, namespaces, pid, startTime].join(".")), "unknown");
    }
    assert.equal(processState(""), "unknown");
  });

  describeWith([asRoot, program("/usr/bin/unshare"), program("/usr/bin/setpriv")], "in namespaces", () => {
    const APART = ["unshare", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];

    it("of two processes with the same PID and hostname are neither dead nor the same to each other", async () => {
      const [one, other] = [start(...APART, "--mount-proc", ...NODE), start(...APART, "--mount-proc", ...NODE)];
      const [first, second] = [await one.next(), await other.next()];
      assert.deepEqual([pidOf(first), pidOf(second)], ["1", "1"]);
      assert.notEqual(first, second);
      assert.deepEqual([await one.stateOf(second), await other.stateOf(first)], ["unknown", "unknown"]);
      assert.deepEqual([await one.stateOf(first), await other.stateOf(second)], ["alive", "alive"]);
      for (const identity of [first, second]) assert.equal(processState(identity), "unknown");
      assert.equal(await one.stateOf(ownProcessIdentity()), "unknown");
    });

    it("are not looked up in the /proc of another namespace", async () => {
      // Two processes of one new namespace that see its parent's /proc, where their PIDs are others' or nobody's.
      const both = start(...APART, "sh", "-c", 'sleep infinity | "$@" & "$@"', "sh", ...NODE);
      const identities = [await both.next(), await both.next()];
      assert.equal(new Set(identities).size, 2);
      const states = [await both.stateOf(identities[0] ?? ""), await both.stateOf(identities[1] ?? "")];
      // Whichever of them answers: one of the two is itself.
      assert.deepEqual(states.sort(), ["alive", "unknown"]);
      const [boot = "", namespaces = ""] = identities[0]?.split(".") ?? [];
      assert.equal(await both.stateOf([boot, namespaces, "4194303", "1"].join(".")), "dead");
    });

    it("of other users' processes that /proc hides are not dead", async () => {
      const hidden = "mount -t proc -o hidepid=2 proc /proc; setpriv --reuid=65534 --clear-groups sleep infinity &";
      const known = 'until [ "$(stat -c %u /proc/$!)" = 65534 ]; do :; done; echo $!';
      const blind = 'exec setpriv --regid=65534 --clear-groups --bounding-set=-sys_ptrace --inh-caps=-all "$@"';
      const script = `${hidden} ${known}; ${blind}`;
      const observer = start(...APART, "--mount", "sh", "-c", script, "sh", ...NODE);
      const pid = await observer.next();
      const [boot = "", namespaces = ""] = (await observer.next()).split(".");
      assert.equal(await observer.stateOf([boot, namespaces, pid, "1"].join(".")), "unknown");
    });

    it("of another time namespace are not dead because their start is told as another time", async () => {
      const here = start(...NODE);
      const shifted = start("unshare", "--time", "--boottime", "1000000", "--fork", "--kill-child", ...NODE);
      const [plain, moved] = [await here.next(), await shifted.next()];
      assert.deepEqual([processState(moved), await shifted.stateOf(plain)], ["unknown", "unknown"]);
    });
  });
});
