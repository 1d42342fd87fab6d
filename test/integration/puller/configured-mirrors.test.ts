import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { hashSync } from "@node-rs/bcrypt";

import { keepCredentials } from "../../../puller/credentials/keep-credentials.js";
import { logIn } from "../../../puller/credentials/login.js";
import { savedCredentials } from "../../../puller/credentials/saved-credentials.js";
import { registryHosts, serverClient } from "../../../puller/hosts/registry-hosts.js";
import type { RegistryOptions } from "../../../registry/index.js";
import { describeWith, program } from "../../helpers/capabilities.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { StateRoot } from "../../helpers/state-root.js";
import { DockerRegistry } from "../registry/support/docker-registry.js";
import { ConfiguredHost } from "./support/configured-host.js";

describe("hosts.toml, daemon.json and config.json with real registries", () => {
  let host: ConfiguredHost;

  beforeEach(async () => {
    host = await ConfiguredHost.create();
  });
  afterEach(() => host.remove());

  let count = 0;
  const withUsers = (users: Readonly<Record<string, string>>): Partial<RegistryOptions> => {
    const htpasswd = join(host.directory, `htpasswd-${String(count++)}`);
    writeFileSync(
      htpasswd,
      Object.entries(users)
        .map(([name, word]) => `${name}:${hashSync(word, 4)}\n`)
        .join(""),
    );
    return {
      auth: {
        service: "berth",
        htpasswd,
        groups: {},
        keys: { directory: join(host.directory, `keys-${String(count++)}`), algorithm: "EdDSA", rotateAfterDays: 90 },
        tokens: { lifetimeSeconds: 300, refreshDays: 30 },
        issuers: [],
        access: [
          {
            repositories: ["**"],
            users: ["*"],
            groups: [],
            anonymous: false,
            actions: ["pull", "push", "delete", "catalog"],
          },
        ],
        failures: { attempts: 10, windowSeconds: 300 },
      },
    };
  };
  const served = (notes: readonly string[], by: string): number =>
    notes.filter((note) => note.endsWith(` from http://${by}`)).length;

  it("a mirror answers for a registry that is stopped, and the registry for a mirror that is stopped", async () => {
    const [mirror, origin] = [await host.start(), await host.start()];
    for (const address of [mirror, origin]) await host.push(`${address}/team/app:1`);
    host.write(origin, `[host."http://${mirror}"]\n`);
    await host.stop(origin);
    const notes = await host.pull(`${origin}/team/app:1`);
    assert.equal(served(notes, mirror), 4, notes.join("\n"));
  });

  it("a mirror that has nothing costs nothing", async () => {
    const [mirror, origin] = [await host.start(), await host.start()];
    await host.push(`${origin}/team/app:1`);
    host.write(origin.replace(/:(\d+)$/, "_$1_"), `[host."http://${mirror}"]\n`);
    const notes = await host.pull(`${origin}/team/app:1`);
    assert.ok(
      notes.some((note) => note.endsWith(`is not at http://${mirror}`)),
      notes.join("\n"),
    );
    assert.equal(notes.filter((note) => note.endsWith(` from ${origin}`)).length, 4, notes.join("\n"));
  });

  it("registry-mirrors is for Docker Hub alone, and a _default directory for all", async () => {
    const mirror = await host.start();
    for (const name of ["library/debian:12", "team/app:1"]) await host.push(`${mirror}/${name}`);
    host.writeDaemonJson({ "registry-mirrors": [`http://${mirror}`] });
    assert.equal(served(await host.pull("debian:12"), mirror), 4);
    assert.equal((await registryHosts({ registry: "reg.example" }, host.environment)).length, 1);
    host.write("_default", `[host."http://${mirror}"]\n`);
    assert.ok(served(await host.pull("reg.example/team/app:1"), mirror) >= 1);
  });

  it("each host gets its own credentials, and no other's", async () => {
    const mirror = await host.start(withUsers({ m: "mirror-secret" }));
    const origin = await host.start(withUsers({ o: "origin-secret" }));
    await keepCredentials(mirror, { username: "m", password: "mirror-secret" }, host.environment);
    await keepCredentials(origin, { username: "o", password: "origin-secret" }, host.environment);
    for (const address of [mirror, origin]) await host.push(`${address}/team/app:1`);
    host.write(origin, `[host."http://${mirror}"]\n`);
    assert.equal(served(await host.pull(`${origin}/team/app:1`), mirror), 4);
    await keepCredentials(mirror, { username: "m", password: "wrong" }, host.environment);
    const notes = await host.pull(`${origin}/team/app:1`);
    assert.ok(
      notes.some((note) => note.startsWith(`left the mirror http://${mirror}`)),
      notes.join("\n"),
    );
    assert.ok(notes.every((note) => !note.includes("secret")));
  });

  it("a path before /v2, headers and override_path are used as the file says", async () => {
    const mirror = await new ScriptedRegistry().start();
    try {
      mirror.image = host.image;
      mirror.script = (request, response) => {
        if (request.headers["x-key"] === "k") return false;
        response.writeHead(403).end();
        return true;
      };
      const table = (url: string, more = ""): string =>
        `[host."${url}"]\n${more}\n[host."${url}".header]\nX-Key = "k"\n`;
      host.write("one.example", table(`http://${mirror.address}/hub`));
      host.write("two.example", table(`http://${mirror.address}/v2/proxy`, "override_path = true"));
      await host.pull("one.example/team/app:1");
      assert.ok(
        mirror.requests.includes("HEAD /hub/v2/team/app/manifests/1?ns=one.example"),
        mirror.requests.join("\n"),
      );
      mirror.requests.length = 0;
      await host.pull("two.example/team/app:1");
      assert.ok(
        mirror.requests.includes("HEAD /v2/proxy/team/app/manifests/1?ns=two.example"),
        mirror.requests.join("\n"),
      );
    } finally {
      await mirror.stop();
    }
  });

  it("every mistake in every file is told at once", async () => {
    host.writeDaemonJson({ "registry-mirrors": "x", "insecure-registries": [5] });
    host.write("reg.example", 'server = 5\n[host."https://m"]\nca = ["missing.pem"]\ncapabilites = []\n');
    await assert.rejects(
      registryHosts({ registry: "reg.example" }, host.environment),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "CONFIG_INVALID");
        assert.equal(error.message.split("; ").length, 4, error.message);
        return true;
      },
    );
    host.write("reg.example", '[host."https://m"]\nca = ["missing.pem", "/dev/null"]\nclient = "missing.pem"\n');
    host.write("reg.example", "not a certificate", "x.crt");
    await assert.rejects(
      registryHosts({ registry: "reg.example" }, host.environment),
      /missing\.pem: cannot be read: ENOENT; \/dev\/null: holds no PEM certificate; .*missing\.pem: cannot be read: ENOENT; .*x\.crt: holds no PEM/,
    );
  });

  describe("with logins", () => {
    const tryLogin = async (registry: string, password: string): Promise<unknown> =>
      logIn(await serverClient(registry, host.environment), { username: "u", password });

    it("an identity token that docker has saved instead of the password works", async () => {
      const registry = await host.start(withUsers({ u: "pass:word" }));
      const answer = await fetch(`http://${registry}/token?offline_token=true&client_id=docker&service=berth`, {
        headers: { authorization: `Basic ${btoa("u:pass:word")}` },
      });
      const { refresh_token: identityToken = "" } = (await answer.json()) as { refresh_token?: string };
      const kept = { username: "u", password: "", identityToken };
      await keepCredentials(registry, kept, host.environment);
      assert.deepEqual(await savedCredentials(registry, { environment: host.environment }), kept);
      await host.push(`${registry}/team/app:1`);
      await host.pull(`${registry}/team/app:1`);
      await keepCredentials(registry, { ...kept, identityToken: `${identityToken}x` }, host.environment);
      await assert.rejects(host.pull(`${registry}/team/app:1`), { code: "UNAUTHORIZED" });
    });

    it("a wrong password is refused", async () => {
      const registry = await host.start(withUsers({ u: "right" }));
      await assert.rejects(tryLogin(registry, "wrong"), { code: "UNAUTHORIZED" });
      await assert.rejects(logIn(await serverClient(registry, host.environment), { username: "a:b", password: "c" }), {
        code: "USAGE",
      });
    });

    it("a registry with basic authentication is asked with it", async () => {
      const registry = await new ScriptedRegistry().start();
      try {
        const expected = `Basic ${btoa("u:right")}`;
        registry.script = (request, response) => {
          if (request.headers.authorization === expected) return false;
          response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
          return true;
        };
        await tryLogin(registry.address, "right");
        await assert.rejects(tryLogin(registry.address, "wrong"), { code: "UNAUTHORIZED" });
        assert.equal(registry.requests.length, 4);
      } finally {
        await registry.stop();
      }
    });
  });

  describeWith([program("/usr/bin/docker-registry")], "and Debian's docker-registry", () => {
    it("it serves as a mirror of berth, and berth as a mirror of it", async () => {
      const berth = await host.start();
      const theirs = await DockerRegistry.start(join(host.directory, "docker-registry"));
      try {
        for (const address of [berth, theirs.host]) await host.push(`${address}/team/app:1`);
        host.write(berth, `[host."http://${theirs.host}"]\n`);
        assert.equal(served(await host.pull(`${berth}/team/app:1`), theirs.host), 4);
        host.write(theirs.host, `[host."http://${berth}"]\n`);
        const other = new StateRoot();
        try {
          assert.equal(served(await host.pull(`${theirs.host}/team/app:1`, other), berth), 4);
        } finally {
          await other.remove();
        }
      } finally {
        await theirs.stop();
      }
    });
  });
});
