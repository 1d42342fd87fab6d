import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hashSync } from "@node-rs/bcrypt";

import { BerthHost, type Outcome } from "../helpers/berth-host.js";
import { program, describeWith } from "../helpers/capabilities.js";
import { runProgram } from "../helpers/child-process.js";
import { smallImage, writeLayout } from "../helpers/small-image.js";

describe("berth login and logout", () => {
  const host = new BerthHost();
  let registry: string;
  let docker: string;

  before(async () => {
    const htpasswd = join(host.directory, "htpasswd");
    writeFileSync(htpasswd, `alice:${hashSync("open sesame", 4)}\n`);
    const config = join(host.directory, "registry.yaml");
    writeFileSync(
      config,
      JSON.stringify({
        auth: {
          htpasswd,
          keys: { directory: join(host.directory, "keys") },
          access: [{ users: ["alice"], actions: ["pull", "push"] }],
        },
      }),
    );
    registry = await host.startRegistry("--config", config);
    writeLayout(await smallImage([[{ name: "a", content: "1" }]]), join(host.directory, "layout"), "1");
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });
  beforeEach(() => {
    docker = mkdtempSync(join(tmpdir(), "berth-docker-"));
    host.env["DOCKER_CONFIG"] = docker;
  });
  afterEach(() => {
    rmSync(docker, { recursive: true });
  });

  const login = (...args: readonly string[]): Outcome => host.try(["login", ...args]);
  const withStdin = (input: string, ...args: readonly string[]): Outcome =>
    host.try(["login", "--password-stdin", ...args], { input });
  const configFile = (): string => join(docker, "config.json");

  it("a login lets push and pull, a logout ends that", () => {
    const reference = `${registry}/team/app:1`;
    const push = (): Outcome => host.try(["push", "layout", reference]);
    assert.match(
      push().stderr,
      /^berth: .*(?:UNAUTHORIZED|unauthorized|authentication).* \(to log in: berth login\)$/m,
    );
    const { status, stdout, stderr } = withStdin("open sesame\n", "-u", "alice", registry);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, "Login Succeeded\n");
    assert.match(stderr, /WARNING! Your credentials are stored unencrypted in '.*config\.json'/);
    assert.equal(statSync(configFile()).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(configFile(), "utf8")), {
      auths: { [registry]: { auth: btoa("alice:open sesame") } },
    });
    assert.equal(push().status, 0);
    assert.equal(host.try(["pull", reference]).status, 0);
    assert.equal(host.run("login", registry), "Authenticating with existing credentials...\nLogin Succeeded");
    assert.equal(host.run("logout", registry), `Removing login credentials for ${registry}`);
    assert.equal(push().status, 1);
    assert.equal(host.run("logout", registry), `Not logged in to ${registry}`);
  });

  it("-p works and warns", () => {
    const { status, stderr } = login("-u", "alice", "-p", "open sesame", `http://${registry}/`);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^WARNING! Using --password via the CLI is insecure\. Use --password-stdin\.$/m);
  });

  it("a wrong password is one line and exit code 1, and saves nothing", () => {
    const { status, stderr, stdout } = withStdin("wrong", "-u", "alice", registry);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^berth: [^\n]*\n$/);
    assert.equal(existsSync(configFile()), false);
  });

  it("a server that cannot be one is refused", () => {
    for (const server of ["a b", "user:word@host", "host:port:port", "%"]) {
      const { status, stderr } = login("-u", "a", "-p", "b", server);
      assert.equal(status, 1);
      assert.match(stderr, /is no host\[:port\] of a registry/);
    }
  });

  const misuse: readonly (readonly [readonly string[], RegExp])[] = [
    [["--password-stdin"], /Must provide --username with --password-stdin/],
    [["--password-stdin", "-u", "a", "-p", "b"], /mutually exclusive/],
    [["-u", "alice"], /non TTY device/],
    [[], /non TTY device/],
    [["-u", "a:b", "-p", "c"], /colon/],
    [["--password-stdin", "-u", "alice"], /password is empty/],
  ];
  for (const [args, message] of misuse) {
    it(`login ${args.join(" ")} SERVER says what is missing`, () => {
      const { status, stderr } = login(...args, registry);
      assert.equal(status, 1);
      assert.match(stderr, message);
    });
  }

  it("with a credential helper the secret is not in config.json", () => {
    const bin = join(docker, "bin");
    mkdirSync(bin);
    const script = `#!/bin/sh
case "$1" in
store) cat > "${docker}/secret" ;;
get) cat > /dev/null; if [ -s "${docker}/secret" ]; then cat "${docker}/secret"; else echo credentials not found; exit 1; fi ;;
erase) rm "${docker}/secret" ;;
esac
`;
    writeFileSync(join(bin, "docker-credential-test"), script);
    chmodSync(join(bin, "docker-credential-test"), 0o755);
    writeFileSync(configFile(), JSON.stringify({ credHelpers: { [registry]: "test" }, psFormat: "x" }));
    const path = host.env["PATH"];
    host.env["PATH"] = `${bin}:${path ?? ""}`;
    try {
      const { status, stderr } = withStdin("open sesame", "-u", "alice", registry);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(JSON.parse(readFileSync(configFile(), "utf8")), {
        credHelpers: { [registry]: "test" },
        psFormat: "x",
        auths: { [registry]: {} },
      });
      assert.equal(host.try(["push", "layout", `${registry}/team/helped:1`]).status, 0);
      assert.match(host.run("logout", registry), /^Removing/);
      assert.equal(existsSync(join(docker, "secret")), false);
    } finally {
      host.env["PATH"] = path;
    }
  });

  it("BERTH_DEBUG tells which host served what, and without it nobody does", () => {
    withStdin("open sesame", "-u", "alice", registry);
    const reference = `${registry}/team/app:1`;
    assert.equal(host.try(["push", "layout", reference]).status, 0);
    host.env["BERTH_CERTS_D"] = join(docker, "certs.d");
    mkdirSync(join(docker, "certs.d/reg.example"), { recursive: true });
    writeFileSync(join(docker, "certs.d/reg.example/hosts.toml"), `[host."http://${registry}"]\n`);
    try {
      assert.equal(host.try(["pull", "reg.example/team/app:1"]).stderr, "");
      host.env["BERTH_DEBUG"] = "1";
      const { stderr } = host.try(["pull", "reg.example/team/app:1"]);
      assert.match(stderr, new RegExp(`^berth: debug: .* from http://${registry}$`, "m"));
    } finally {
      delete host.env["BERTH_DEBUG"];
      delete host.env["BERTH_CERTS_D"];
    }
  });

  describeWith([program("/usr/bin/podman"), program("/usr/bin/skopeo")], "beside Debian's tools", () => {
    it("what podman login saved is used, and what berth login saved is used by skopeo", async () => {
      const authFile = join(docker, "auth.json");
      host.env["REGISTRY_AUTH_FILE"] = authFile;
      try {
        const args = ["--tls-verify=false", "-u", "alice", "-p", "open sesame", registry];
        await runProgram("podman", ["login", "--authfile", authFile, ...args]);
        assert.equal(host.try(["push", "layout", `${registry}/team/app:1`]).status, 0);
      } finally {
        delete host.env["REGISTRY_AUTH_FILE"];
      }
      withStdin("open sesame", "-u", "alice", registry);
      const source = `docker://${registry}/team/app:1`;
      const inspected = await runProgram("skopeo", [
        "inspect",
        "--tls-verify=false",
        "--authfile",
        configFile(),
        source,
      ]);
      assert.match(inspected, /"Digest"/);
    });

    for (const tool of ["skopeo", "podman"]) {
      it(`${tool} logs in and out with the file in which a login of berth stands`, async () => {
        const run = async (verb: string, ...args: string[]): Promise<string> =>
          await runProgram(tool, [verb, "--authfile", configFile(), ...args, registry]);
        withStdin("open sesame", "-u", "alice", registry);
        assert.equal((await run("login", "--get-login")).trim(), "alice");
        // With what it finds there, and anew.
        assert.match(await run("login", "--tls-verify=false"), /Existing credentials are valid/);
        assert.match(await run("login", "--tls-verify=false", "-u", "alice", "-p", "open sesame"), /Login Succeeded/);
        assert.equal(host.try(["push", "layout", `${registry}/team/app:1`]).status, 0);
        withStdin("open sesame", "-u", "alice", registry);
        await run("logout");
        assert.equal(host.try(["push", "layout", `${registry}/team/app:1`]).status, 1);
      });
    }
  });
});
