import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hashSync } from "@node-rs/bcrypt";

import { parseReference } from "../../../oci/reference.js";
import { RegistryClient } from "../../../puller/client/index.js";
import { keepCredentials } from "../../../puller/credentials/keep-credentials.js";
import { logIn } from "../../../puller/credentials/login.js";
import { savedCredentials } from "../../../puller/credentials/saved-credentials.js";
import { registryHosts, serverClient } from "../../../puller/hosts/registry-hosts.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { pushSource } from "../../../puller/push/push-source.js";
import { startRegistry, type RegistryOptions, type RunningRegistry } from "../../../registry/index.js";
import { describeWith, program } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { smallImage, writeLayout, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";
import { DockerRegistry } from "../registry/support/docker-registry.js";

describe("hosts.toml, daemon.json and config.json with real registries", () => {
  let directory: string;
  let state: StateRoot;
  let image: SmallImage;
  let environment: NodeJS.ProcessEnv;
  const running: RunningRegistry[] = [];

  before(async () => {
    image = await smallImage([[{ name: "a", content: "1" }], [{ name: "b", content: Buffer.alloc(200_000, "b") }]]);
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-mirrors-"));
    state = new StateRoot();
    environment = { BERTH_CERTS_D: join(directory, "certs.d"), DOCKER_CONFIG: join(directory, "docker") };
    writeLayout(image, join(directory, "layout"), "1");
  });
  afterEach(async () => {
    for (const registry of running.splice(0)) await registry.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    await state.remove();
  });

  let count = 0;
  const start = async (options: Partial<RegistryOptions> = {}): Promise<string> => {
    const registry = await startRegistry({ root: join(directory, `registry-${String(count++)}`), ...options });
    running.push(registry);
    return registry.url.replace(/^https?:\/\//, "");
  };
  const stop = async (address: string): Promise<void> => {
    await running.find(({ url }) => url.endsWith(address))?.close();
  };
  const withUsers = (users: Readonly<Record<string, string>>): Partial<RegistryOptions> => {
    const htpasswd = join(directory, `htpasswd-${String(count++)}`);
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
        keys: { directory: join(directory, `keys-${String(count++)}`), algorithm: "EdDSA", rotateAfterDays: 90 },
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
  const hostsToml = (registry: string, text: string, name = "hosts.toml"): void => {
    mkdirSync(join(directory, "certs.d", registry), { recursive: true });
    writeFileSync(join(directory, "certs.d", registry, name), text);
  };
  const daemonJson = (value: unknown): void => {
    environment["BERTH_CONFIG"] = join(directory, "daemon.json");
    writeFileSync(environment["BERTH_CONFIG"], JSON.stringify(value));
  };
  const push = async (name: string): Promise<unknown> => {
    const target = parseReference(name);
    return pushSource(state.root, join(directory, "layout"), target, {
      hosts: await registryHosts(target, environment),
    });
  };
  const pull = async (name: string): Promise<string[]> => {
    const notes: string[] = [];
    const reference = parseReference(name);
    const hosts = await registryHosts(reference, environment);
    const { id } = await pullImage(state.root, reference, { hosts, onNote: (note) => notes.push(note) });
    assert.equal(id, image.config);
    return notes;
  };
  const served = (notes: readonly string[], by: string): number =>
    notes.filter((note) => note.endsWith(` from http://${by}`)).length;

  it("a mirror answers for a registry that is stopped, and the registry for a mirror that is stopped", async () => {
    const [mirror, origin] = [await start(), await start()];
    for (const address of [mirror, origin]) await push(`${address}/team/app:1`);
    hostsToml(origin, `[host."http://${mirror}"]\n`);
    await stop(origin);
    const notes = await pull(`${origin}/team/app:1`);
    assert.equal(served(notes, mirror), 4, notes.join("\n"));
  });

  it("a mirror that has nothing costs nothing", async () => {
    const [mirror, origin] = [await start(), await start()];
    await push(`${origin}/team/app:1`);
    hostsToml(origin.replace(/:(\d+)$/, "_$1_"), `[host."http://${mirror}"]\n`);
    const notes = await pull(`${origin}/team/app:1`);
    assert.ok(
      notes.some((note) => note.endsWith(`is not at http://${mirror}`)),
      notes.join("\n"),
    );
    assert.equal(notes.filter((note) => note.endsWith(` from ${origin}`)).length, 4, notes.join("\n"));
  });

  it("registry-mirrors is for Docker Hub alone, and a _default directory for all", async () => {
    const mirror = await start();
    for (const name of ["library/debian:12", "team/app:1"]) await push(`${mirror}/${name}`);
    daemonJson({ "registry-mirrors": [`http://${mirror}`] });
    assert.equal(served(await pull("debian:12"), mirror), 4);
    assert.equal((await registryHosts({ registry: "reg.example" }, environment)).length, 1);
    hostsToml("_default", `[host."http://${mirror}"]\n`);
    assert.ok(served(await pull("reg.example/team/app:1"), mirror) >= 1);
  });

  it("each host gets its own credentials, and no other's", async () => {
    const mirror = await start(withUsers({ m: "mirror-secret" }));
    const origin = await start(withUsers({ o: "origin-secret" }));
    await keepCredentials(mirror, { username: "m", password: "mirror-secret" }, environment);
    await keepCredentials(origin, { username: "o", password: "origin-secret" }, environment);
    for (const address of [mirror, origin]) await push(`${address}/team/app:1`);
    hostsToml(origin, `[host."http://${mirror}"]\n`);
    assert.equal(served(await pull(`${origin}/team/app:1`), mirror), 4);
    await keepCredentials(mirror, { username: "m", password: "wrong" }, environment);
    const notes = await pull(`${origin}/team/app:1`);
    assert.ok(
      notes.some((note) => note.startsWith(`left the mirror http://${mirror}`)),
      notes.join("\n"),
    );
    assert.ok(notes.every((note) => !note.includes("secret")));
  });

  it("a path before /v2, headers and override_path are used as the file says", async () => {
    const mirror = await new ScriptedRegistry().start();
    try {
      mirror.image = image;
      mirror.script = (request, response) => {
        if (request.headers["x-key"] === "k") return false;
        response.writeHead(403).end();
        return true;
      };
      const table = (url: string, more = ""): string =>
        `[host."${url}"]\n${more}\n[host."${url}".header]\nX-Key = "k"\n`;
      hostsToml("one.example", table(`http://${mirror.address}/hub`));
      hostsToml("two.example", table(`http://${mirror.address}/v2/proxy`, "override_path = true"));
      await pull("one.example/team/app:1");
      assert.ok(
        mirror.requests.includes("HEAD /hub/v2/team/app/manifests/1?ns=one.example"),
        mirror.requests.join("\n"),
      );
      mirror.requests.length = 0;
      await pull("two.example/team/app:1");
      assert.ok(
        mirror.requests.includes("HEAD /v2/proxy/team/app/manifests/1?ns=two.example"),
        mirror.requests.join("\n"),
      );
    } finally {
      await mirror.stop();
    }
  });

  it("every mistake in every file is told at once", async () => {
    daemonJson({ "registry-mirrors": "x", "insecure-registries": [5] });
    hostsToml("reg.example", 'server = 5\n[host."https://m"]\nca = ["missing.pem"]\ncapabilites = []\n');
    await assert.rejects(
      registryHosts({ registry: "reg.example" }, environment),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "CONFIG_INVALID");
        assert.equal(error.message.split("; ").length, 4, error.message);
        return true;
      },
    );
    hostsToml("reg.example", '[host."https://m"]\nca = ["missing.pem", "/dev/null"]\nclient = "missing.pem"\n');
    hostsToml("reg.example", "not a certificate", "x.crt");
    await assert.rejects(
      registryHosts({ registry: "reg.example" }, environment),
      /missing\.pem: cannot be read: ENOENT; \/dev\/null: holds no PEM certificate; .*missing\.pem: cannot be read: ENOENT; .*x\.crt: holds no PEM/,
    );
  });

  describe("with logins", () => {
    const tryLogin = async (registry: string, password: string): Promise<unknown> =>
      logIn(await serverClient(registry, environment), { username: "u", password });

    it("a login brings an identity token, which is kept instead of the password and works", async () => {
      const registry = await start(withUsers({ u: "pass:word" }));
      const kept = await logIn(await serverClient(registry, environment), { username: "u", password: "pass:word" });
      assert.ok(kept.identityToken);
      assert.equal(kept.password, "");
      await keepCredentials(registry, kept, environment);
      const saved = await savedCredentials(registry, { environment });
      assert.deepEqual(saved, kept);
      await push(`${registry}/team/app:1`);
      await pull(`${registry}/team/app:1`);
    });

    it("a wrong password is refused", async () => {
      const registry = await start(withUsers({ u: "right" }));
      await assert.rejects(tryLogin(registry, "wrong"), { code: "UNAUTHORIZED" });
      await assert.rejects(logIn(await serverClient(registry, environment), { username: "a:b", password: "c" }), {
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
        assert.deepEqual(await tryLogin(registry.address, "right"), { username: "u", password: "right" });
        await assert.rejects(tryLogin(registry.address, "wrong"), { code: "UNAUTHORIZED" });
        assert.equal(registry.requests.length, 4);
      } finally {
        await registry.stop();
      }
    });
  });

  describeWith([program("/usr/bin/docker-registry")], "and Debian's docker-registry", () => {
    it("it serves as a mirror of berth, and berth as a mirror of it", async () => {
      const berth = await start();
      const theirs = await DockerRegistry.start(join(directory, "docker-registry"));
      try {
        for (const address of [berth, theirs.host]) await push(`${address}/team/app:1`);
        hostsToml(berth, `[host."http://${theirs.host}"]\n`);
        assert.equal(served(await pull(`${berth}/team/app:1`), theirs.host), 4);
        hostsToml(theirs.host, `[host."http://${berth}"]\n`);
        const other = new StateRoot();
        try {
          const reference = parseReference(`${theirs.host}/team/app:1`);
          const notes: string[] = [];
          const hosts = await registryHosts(reference, environment);
          await pullImage(other.root, reference, { hosts, onNote: (note) => notes.push(note) });
          assert.equal(served(notes, berth), 4, notes.join("\n"));
        } finally {
          await other.remove();
        }
      } finally {
        await theirs.stop();
      }
    });
  });

  describeWith([program("/usr/bin/openssl")], "over TLS", () => {
    // 0.0.0.0 leads to this host and is not a loopback address, whose certificates are not looked at.
    const NAME = "0.0.0.0";
    let certificates: string;
    const pem = (name: string): string => join(certificates, name);
    const openssl = (...args: readonly string[]): Promise<string> => runProgram("openssl", args, { cwd: certificates });

    before(async () => {
      certificates = mkdtempSync(join(tmpdir(), "berth-pem-"));
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
      await openssl(
        "req",
        "-x509",
        ...key,
        "-subj",
        "/CN=test authority",
        "-days",
        "2",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
      );
      for (const [name, subject] of [
        ["server", `/CN=${NAME}`],
        ["client", "/CN=alice"],
      ] as const) {
        await openssl("req", ...key, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
        writeFileSync(pem("names.cnf"), `subjectAltName=IP:${NAME}\n`);
        const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names.cnf"];
        await openssl("x509", "-req", "-in", `${name}.csr`, ...signing, "-out", `${name}.pem`);
      }
    });
    after(async () => {
      await rm(certificates, { recursive: true });
    });

    const secure = async (clientCertificate: "optional" | "required" = "optional"): Promise<string> => {
      const tls = {
        certificate: pem("server.pem"),
        key: pem("server.key"),
        clientCa: pem("ca.pem"),
        clientCertificate,
        minVersion: "1.2" as const,
      };
      return (await start({ tls })).replace("127.0.0.1", NAME);
    };
    const reaches = async (registry: string): Promise<void> => {
      const client = new RegistryClient({ ...(await serverClient(registry, environment)), limits: { attempts: 1 } });
      try {
        await client.authenticate();
      } finally {
        await client.close();
      }
    };

    it("an authority that nobody has named is not trusted", async () => {
      await assert.rejects(reaches(await secure()), { code: "NETWORK", message: /certificate/ });
    });

    it("Docker's ca.crt, and client.cert with client.key, are used", async () => {
      const registry = await secure("required");
      const copy = async (from: string, to: string): Promise<void> => {
        hostsToml(registry, await runProgram("cat", [pem(from)]), to);
      };
      await copy("ca.pem", "ca.crt");
      await assert.rejects(reaches(registry));
      await copy("client.pem", "client.cert");
      await copy("client.key", "client.key");
      await reaches(registry);
      await push(`${registry}/team/app:1`);
      await pull(`${registry}/team/app:1`);
    });

    it("ca and client of a hosts.toml are used, for mirrors too", async () => {
      const mirror = await secure("required");
      const pair = `ca = "${pem("ca.pem")}"\nclient = [["${pem("client.pem")}", "${pem("client.key")}"]]\n`;
      hostsToml(mirror, `server = "https://${mirror}"\n${pair}`);
      await push(`${mirror}/team/app:1`);
      hostsToml("reg.example", `[host."https://${mirror}"]\n${pair}`);
      const notes = await pull("reg.example/team/app:1");
      assert.ok(
        notes.some((note) => note.endsWith(` from https://${mirror}`)),
        notes.join("\n"),
      );
    });

    it("skip_verify and insecure-registries look at no certificate", async () => {
      const registry = await secure();
      hostsToml(registry, `server = "https://${registry}"\nskip_verify = true\n`);
      await reaches(registry);
      const other = await secure();
      daemonJson({ "insecure-registries": ["0.0.0.0/32"] });
      await reaches(other);
    });
  });
});
