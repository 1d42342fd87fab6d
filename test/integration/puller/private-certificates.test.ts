import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { RegistryClient } from "../../../puller/client/index.js";
import { serverClient } from "../../../puller/hosts/registry-hosts.js";
import { describeWith, program } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
import { RegistryProcess } from "../../helpers/registry-process/registry-process.js";
import { mirrorSettings } from "../registry/mirror/support/mirror-rig.js";
import { ConfiguredHost } from "./support/configured-host.js";

describeWith([program("/usr/bin/openssl")], "private certificates", () => {
  let host: ConfiguredHost;

  beforeEach(async () => {
    host = await ConfiguredHost.create();
  });
  afterEach(() => host.remove());

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
    await openssl(
      "req",
      "-x509",
      ...key,
      "-subj",
      "/CN=other",
      "-days",
      "2",
      "-keyout",
      "other.key",
      "-out",
      "other.pem",
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
    return (await host.start({ tls })).replace("127.0.0.1", NAME);
  };
  const reaches = async (registry: string): Promise<void> => {
    const client = new RegistryClient({ ...(await serverClient(registry, host.environment)), limits: { attempts: 1 } });
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
      host.write(registry, await runProgram("cat", [pem(from)]), to);
    };
    await copy("ca.pem", "ca.crt");
    await assert.rejects(reaches(registry));
    await copy("client.pem", "client.cert");
    await copy("client.key", "client.key");
    await reaches(registry);
    await host.push(`${registry}/team/app:1`);
    await host.pull(`${registry}/team/app:1`);
  });

  it("ca and client of a hosts.toml are used, for mirrors too", async () => {
    const mirror = await secure("required");
    const pair = `ca = "${pem("ca.pem")}"\nclient = [["${pem("client.pem")}", "${pem("client.key")}"]]\n`;
    host.write(mirror, `server = "https://${mirror}"\n${pair}`);
    await host.push(`${mirror}/team/app:1`);
    host.write("reg.example", `[host."https://${mirror}"]\n${pair}`);
    const notes = await host.pull("reg.example/team/app:1");
    assert.ok(
      notes.some((note) => note.endsWith(` from https://${mirror}`)),
      notes.join("\n"),
    );
  });

  it("an authority in SSL_CERT_FILE, SSL_CERT_DIR or NODE_EXTRA_CA_CERTS is trusted by pull, push and login", async () => {
    const registry = await secure();
    const { environment } = host;
    const directory = join(host.directory, "authorities");
    mkdirSync(directory);
    writeFileSync(join(directory, "damaged.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    writeFileSync(join(directory, "README"), "not one");
    copyFileSync(pem("ca.pem"), join(directory, "0a1b2c3d.0"));
    for (const [name, value] of [
      ["SSL_CERT_FILE", pem("ca.pem")],
      ["SSL_CERT_DIR", `/nowhere:${directory}`],
      ["NODE_EXTRA_CA_CERTS", pem("ca.pem")],
    ] as const) {
      environment[name] = value;
      await reaches(registry);
      await host.push(`${registry}/team/app:1`);
      await host.pull(`${registry}/team/app:1`);
      delete environment[name];
      await assert.rejects(reaches(registry), { code: "NETWORK", message: /certificate/ }, name);
    }
  });

  it("SSL_CERT_FILE and SSL_CERT_DIR together are all that is trusted, besides what certs.d says", async () => {
    const registry = await secure();
    const empty = join(host.directory, "empty");
    mkdirSync(empty);
    Object.assign(host.environment, { SSL_CERT_FILE: pem("other.pem"), SSL_CERT_DIR: empty });
    await assert.rejects(reaches(registry), { code: "NETWORK", message: /certificate/ });
    host.write(registry, await runProgram("cat", [pem("ca.pem")]), "ca.crt");
    await reaches(registry);
  });

  it("an SSL_CERT_FILE that cannot be used is said in a line", async () => {
    const registry = await secure();
    for (const [file, message] of [
      ["/nowhere.pem", /SSL_CERT_FILE: \/nowhere\.pem cannot be read: ENOENT/],
      [pem("names.cnf"), /SSL_CERT_FILE: .* holds no PEM certificate/],
    ] as const) {
      host.environment["SSL_CERT_FILE"] = file;
      await assert.rejects(reaches(registry), { code: "CONFIG_INVALID", message });
    }
  });

  it("an authority of the system's is trusted by a registry's upstreams", async () => {
    const upstream = await secure();
    host.write(upstream, await runProgram("cat", [pem("ca.pem")]), "ca.crt");
    await host.push(`${upstream}/team/app:1`);
    const mirrors = mirrorSettings({ upstreams: [{ name: "up", url: `https://${upstream}` }] });
    const status = async (): Promise<number> => {
      const mirror = await RegistryProcess.start({ root: mkdtempSync(join(host.directory, "mirror-")), mirrors });
      try {
        return (await fetch(`${mirror.url}/v2/up/team/app/manifests/1`)).status;
      } finally {
        await mirror.kill();
      }
    };
    assert.equal(await status(), 502);
    process.env["SSL_CERT_FILE"] = pem("ca.pem");
    try {
      assert.equal(await status(), 200);
    } finally {
      delete process.env["SSL_CERT_FILE"];
    }
  });

  it("skip_verify and insecure-registries look at no certificate", async () => {
    const registry = await secure();
    host.write(registry, `server = "https://${registry}"\nskip_verify = true\n`);
    await reaches(registry);
    const other = await secure();
    host.writeDaemonJson({ "insecure-registries": ["0.0.0.0/32"] });
    await reaches(other);
  });
});
