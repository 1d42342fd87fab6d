import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { RegistryClient } from "../../../puller/client/index.js";
import { serverClient } from "../../../puller/hosts/registry-hosts.js";
import { describeWith, program } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
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

  it("skip_verify and insecure-registries look at no certificate", async () => {
    const registry = await secure();
    host.write(registry, `server = "https://${registry}"\nskip_verify = true\n`);
    await reaches(registry);
    const other = await secure();
    host.writeDaemonJson({ "insecure-registries": ["0.0.0.0/32"] });
    await reaches(other);
  });
});
