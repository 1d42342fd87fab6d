import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { BERTH, BerthHost, type Outcome } from "../../../helpers/berth-host.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import type { TestRegistry } from "../support/test-registry.js";
import { as, GuardedRegistry } from "./support/guarded-registry.js";

describe("berth registry user", () => {
  let directory: string;
  let file: string;
  let host: BerthHost;

  before(() => {
    host = new BerthHost();
  });

  after(async () => {
    await host.dispose();
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-users-"));
    file = join(directory, "htpasswd");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const user = (verb: string, args: readonly string[], input = ""): Outcome =>
    host.try(["registry", "user", verb, ...args, "--htpasswd", file], { input });

  /** A password that was right a moment ago is right until the file is looked at again. */
  const refused = async (registry: TestRegistry, name: string): Promise<void> => {
    while ((await registry.fetch("GET", "/v2/", as(name))).status !== 401) await sleep(50);
  };

  it("adds users to a running registry, changes passwords and removes users", async () => {
    const guarded = await GuardedRegistry.start();
    const { registry } = guarded;
    file = join(guarded.directory, "htpasswd");
    try {
      await registry.expect(401, "GET", "/v2/", as("dora"));
      await registry.expect(200, "GET", "/v2/", as("alice"));
      const added = user("add", ["dora", "--password-stdin"], "dora-password\n");
      assert.deepEqual([added.status, added.stdout], [0, `added dora in ${file}\n`]);
      await registry.expect(200, "GET", "/v2/", as("dora"));
      assert.equal(user("add", ["dora", "--password-stdin"], "another").status, 0);
      await refused(registry, "dora");
      assert.equal(user("list", []).stdout, "alice\nbob\ncarol\ndora\n");
      assert.equal(user("remove", ["alice"]).status, 0);
      await refused(registry, "alice");
      await registry.expect(200, "GET", "/v2/", as("bob"));
    } finally {
      await guarded.stop();
    }
  });

  it("keeps comments, mode and links, leaves nothing beside the file, and makes new files for their owner alone", () => {
    assert.equal(user("add", ["a", "--password-stdin"], "x").status, 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const target = file;
    writeFileSync(target, `# ours\n${readFileSync(target, "utf8")}`);
    chmodSync(target, 0o640);
    file = join(directory, "link");
    symlinkSync("htpasswd", file);
    assert.equal(user("add", ["b", "--password-stdin"], "x").status, 0);
    assert.match(readFileSync(target, "utf8"), /^# ours\na:\$2.*\nb:\$2.*\n$/);
    assert.equal(statSync(target).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(directory).sort(), ["htpasswd", "link"]);
  });

  it("finds the file by the registry's configuration", () => {
    const config = join(directory, "registry.yaml");
    writeFileSync(config, JSON.stringify({ auth: { htpasswd: file } }));
    const added = host.try(["registry", "user", "add", "a", "--password-stdin", "--config", config], { input: "x" });
    assert.equal(added.status, 0, added.stderr);
    assert.equal(host.try(["registry", "user", "list", "--config", config]).stdout, "a\n");
    const without = host.try(["registry", "user", "list"]);
    assert.deepEqual([without.status, without.stderr.split("\n").length], [1, 2]);
  });

  it("asks for the password twice on a terminal and does not show it", async () => {
    const typed = async (...answers: string[]): Promise<string> => {
      const command = `'${process.execPath}' '${BERTH}' registry user add a --htpasswd '${file}'`;
      const terminal = spawn("/usr/bin/script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      let shown = "";
      terminal.stdout.on("data", (chunk: Buffer) => {
        shown += chunk.toString();
      });
      const ended = once(terminal, "close");
      for (const [index, answer] of answers.entries()) {
        await waitUntil("it asks", () => shown.split(": ").length > index + 1);
        terminal.stdin.write(`${answer}\n`);
      }
      await ended;
      return shown;
    };
    const shown = await typed("secret-1", "secret-1");
    assert.match(shown, /Password for a:[^]*Again:[^]*added a/);
    assert.ok(!shown.includes("secret"), shown);
    assert.match(await typed("secret-2", "secret-3"), /the two passwords differ/);
  });

  it("refuses what would do harm with one line", () => {
    for (const [args, input, message] of [
      [["a", "--password-stdin"], "", "the password is empty"],
      [["a", "--password-stdin"], "x".repeat(73), "the password is longer than 72 bytes"],
      [["a", "--password-stdin"], "x\0y", "the password has control characters"],
      [["a:b", "--password-stdin"], "x", "a user's name is"],
      [["a\nroot:x", "--password-stdin"], "x", "a user's name is"],
      [["a"], "", "there is no terminal"],
    ] as const) {
      const { status, stderr } = user("add", args, input);
      assert.equal(status, 1);
      assert.ok(stderr.startsWith(`berth: ${message}`), stderr);
      assert.equal(stderr.trim().split("\n").length, 1);
    }
    assert.match(user("remove", ["nobody"]).stderr, /has no user "nobody"/);
    assert.deepEqual(readdirSync(directory), []);
    writeFileSync(`${file}.new`, "");
    assert.match(user("add", ["a", "--password-stdin"], "x").stderr, /somebody else is changing the users/);
  });
});
