import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CredentialHelper } from "../../../puller/credentials/credential-helper.js";
import { forgetCredentials, keepCredentials } from "../../../puller/credentials/keep-credentials.js";
import { savedCredentials } from "../../../puller/credentials/saved-credentials.js";

/** Keeps each server's secret in a file, as the protocol of docker-credential-helpers says. */
const HELPER = `#!/usr/bin/env node
const fs = require("node:fs");
const kept = process.env.KEPT;
const all = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, "utf8")) : {};
const input = fs.readFileSync(0, "utf8").trim();
const verb = process.argv[2];
fs.appendFileSync(kept + ".log", verb + " " + (verb === "store" ? JSON.parse(input).ServerURL : input) + "\\n");
if (verb === "store") {
  const { ServerURL, ...secret } = JSON.parse(input);
  all[ServerURL] = secret;
} else if (verb === "get") {
  if (!all[input]) { process.stdout.write("credentials not found in native keychain\\n"); process.exit(1); }
  process.stdout.write(JSON.stringify({ ServerURL: input, ...all[input] }));
} else if (verb === "erase") delete all[input];
fs.writeFileSync(kept, JSON.stringify(all));
`;

describe("saved credentials", () => {
  let directory: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-credentials-"));
    mkdirSync(join(directory, "bin"));
    environment = {
      PATH: `${join(directory, "bin")}:${process.env["PATH"] ?? ""}`,
      DOCKER_CONFIG: join(directory, "docker"),
      KEPT: join(directory, "kept.json"),
    };
    helper("files", HELPER);
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const helper = (name: string, script: string): void => {
    const path = join(directory, "bin", `docker-credential-${name}`);
    writeFileSync(path, script);
    chmodSync(path, 0o755);
  };
  const configFile = (): string => join(directory, "docker/config.json");
  const write = (value: unknown): void => {
    mkdirSync(join(directory, "docker"), { recursive: true });
    writeFileSync(configFile(), JSON.stringify(value), { mode: 0o644 });
  };
  const config = (): Record<string, unknown> =>
    JSON.parse(readFileSync(configFile(), "utf8")) as Record<string, unknown>;
  const saved = (registry: string, repository?: string): Promise<unknown> =>
    savedCredentials(registry, { environment, ...(repository !== undefined && { repository }) });
  const me = { username: "me", password: "s3:cret" };

  describe("with a credential helper", () => {
    it("are stored, found and erased by it, and config.json holds no secret", async () => {
      write({ credsStore: "files", proxies: { default: {} } });
      assert.equal(await keepCredentials("r.example:5000", me, environment), undefined);
      assert.doesNotMatch(readFileSync(configFile(), "utf8"), /s3|auth"/);
      assert.deepEqual(config(), { credsStore: "files", proxies: { default: {} }, auths: { "r.example:5000": {} } });
      assert.deepEqual(await saved("r.example:5000"), me);
      assert.equal(await saved("other.example"), undefined);
      assert.equal(await forgetCredentials("r.example:5000", environment), true);
      assert.equal(await saved("r.example:5000"), undefined);
      assert.equal(await forgetCredentials("r.example:5000", environment), false);
      assert.deepEqual(config()["auths"], {});
    });

    it("Docker Hub has its old name there", async () => {
      write({ credHelpers: { "https://index.docker.io/v1/": "files" } });
      await keepCredentials("docker.io", me, environment);
      assert.deepEqual(await saved("docker.io"), me);
      const log = readFileSync(join(directory, "kept.json.log"), "utf8");
      assert.equal(log, "store https://index.docker.io/v1/\nget https://index.docker.io/v1/\n");
    });

    it("an identity token goes under the name <token>", async () => {
      write({ credsStore: "files" });
      await keepCredentials("r", { username: "me", password: "", identityToken: "tok" }, environment);
      assert.match(readFileSync(join(directory, "kept.json"), "utf8"), /"Username":"<token>","Secret":"tok"/);
      assert.deepEqual(await saved("r"), { username: "", password: "", identityToken: "tok" });
    });

    it("it is asked only for the registries that it is there for", async () => {
      write({ credHelpers: { "r.example": "files" }, auths: { other: { auth: btoa("a:b") } } });
      assert.deepEqual(await saved("other"), { username: "a", password: "b" });
      assert.equal(existsSync(join(directory, "kept.json.log")), false);
    });

    it("one that is not there is named", async () => {
      write({ credsStore: "missing" });
      await assert.rejects(saved("r"), { code: "CONFIG_INVALID", message: /docker-credential-missing.*PATH/ });
    });

    /** Long before the test's own time limit, and for what hangs soon. */
    const [PATIENCE_MS, IMPATIENCE_MS] = [240_000, 1000];
    const failing: readonly (readonly [string, string, string, RegExp])[] = [
      ["fails", "echo 'no key\u001b[2J'; echo s3cret >&2; exit 1", "UNAUTHORIZED", /failed: no key \[2J$/],
      ["fails without a word", "exit 3", "UNAUTHORIZED", /does not say why/],
      ["answers with nothing", "exit 0", "UNAUTHORIZED", /without a user name and a secret/],
      ["answers with a list", "echo '[]'", "UNAUTHORIZED", /without a user name and a secret/],
      ["talks without end", "while :; do echo s3cret s3cret s3cret s3cret; done", "UNAUTHORIZED", /too much/],
      ["never ends", "exec sleep 60", "TIMEOUT", /did not end within/],
      ["leaves a child with its output", 'sleep 60 & echo $! > "$KEPT"; exit 1', "TIMEOUT", /did not end within/],
    ];
    afterEach(() => {
      const orphan = existsSync(environment["KEPT"] ?? "")
        ? Number(readFileSync(environment["KEPT"] ?? "", "utf8"))
        : NaN;
      if (orphan > 0) process.kill(orphan, "SIGKILL");
    });
    for (const [name, script, code, message] of failing) {
      it(`one that ${name} is one clear error`, async () => {
        helper("bad", `#!/bin/sh\n${script}\n`);
        await assert.rejects(
          new CredentialHelper("bad", environment, code === "TIMEOUT" ? IMPATIENCE_MS : PATIENCE_MS).get("r"),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, code, error.message);
            assert.match(error.message, message);
            assert.doesNotMatch(error.message, /s3cret|\p{Cc}/u);
            return true;
          },
        );
      });
    }
  });

  describe("in config.json", () => {
    it("are written for the owner alone, beside what berth does not know", async () => {
      write({ detachKeys: "ctrl-e", auths: { "other.example": { auth: btoa("a:b") }, "https://r.example/v2/": {} } });
      assert.equal(await keepCredentials("r.example", me, environment), configFile());
      assert.deepEqual(config(), {
        detachKeys: "ctrl-e",
        auths: { "other.example": { auth: btoa("a:b") }, "r.example": { auth: btoa("me:s3:cret") } },
      });
      assert.equal(statSync(configFile()).mode & 0o777, 0o600);
      assert.deepEqual(await saved("r.example"), me);
      assert.equal(await forgetCredentials("r.example", environment), true);
      assert.deepEqual(config()["auths"], { "other.example": { auth: btoa("a:b") } });
    });

    it("are written where the file was not there before", async () => {
      await keepCredentials("docker.io", me, environment);
      assert.deepEqual(config(), { auths: { "https://index.docker.io/v1/": { auth: btoa("me:s3:cret") } } });
      assert.equal(statSync(join(directory, "docker")).mode & 0o777, 0o700);
    });

    it("are written through a link, which stays one", async () => {
      write({});
      const elsewhere = join(directory, "elsewhere.json");
      writeFileSync(elsewhere, "{}");
      rmSync(configFile());
      symlinkSync(elsewhere, configFile());
      await keepCredentials("r", me, environment);
      assert.match(readFileSync(elsewhere, "utf8"), /auths/);
    });

    it("are not written over a file that cannot be read", async () => {
      mkdirSync(join(directory, "docker"));
      writeFileSync(configFile(), "{ not json");
      await assert.rejects(keepCredentials("r", me, environment), { code: "CONFIG_INVALID" });
      assert.equal(readFileSync(configFile(), "utf8"), "{ not json");
    });

    it("podman's file is read when Docker's has nothing", async () => {
      const run = join(directory, "run");
      mkdirSync(join(run, "containers"), { recursive: true });
      const auths = { "q.example": { auth: btoa("p:1") }, "q.example/team": { auth: btoa("t:2") } };
      writeFileSync(join(run, "containers/auth.json"), JSON.stringify({ auths }));
      environment["XDG_RUNTIME_DIR"] = run;
      assert.deepEqual(await saved("q.example", "team/app"), { username: "t", password: "2" });
      assert.deepEqual(await saved("q.example", "app"), { username: "p", password: "1" });
      write({ auths: { "q.example": { auth: btoa("d:3") } } });
      assert.deepEqual(await saved("q.example", "app"), { username: "d", password: "3" });
    });
  });
});
