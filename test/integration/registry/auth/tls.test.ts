import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";

import { pino } from "pino";
import * as v from "valibot";

import { isBerthError } from "../../../../oci/errors.js";
import { tlsSection } from "../../../../registry/config/tls-section.js";
import { ServerTls } from "../../../../registry/tls/server-tls.js";
import { startRegistry } from "../../../../registry/index.js";
import { TestRegistry } from "../support/test-registry.js";
import { basic, GuardedRegistry } from "./support/guarded-registry.js";
import { TestCertificates, type CertificateFiles } from "./support/test-certificates.js";

interface Answer {
  readonly status: number;
  readonly challenge: string;
  /** Of the server's certificate. */
  readonly commonName: string;
}

describe("registry with TLS", () => {
  let authority: TestCertificates;
  let server: CertificateFiles;
  let client: CertificateFiles;

  before(async () => {
    authority = await TestCertificates.create();
    server = await authority.issue("server", "first");
    client = await authority.issue("client", "ci-runner");
  });

  after(() => {
    authority.remove();
  });

  const get = async (url: string, options: object = {}): Promise<Answer> => {
    const ca = readFileSync(authority.ca);
    return await new Promise((resolve, reject) => {
      request(url, { ca, agent: false, ...options }, (answer) => {
        answer.resume();
        const { CN } = (answer.socket as TLSSocket).getPeerCertificate().subject;
        resolve({
          status: answer.statusCode ?? 0,
          challenge: answer.headers["www-authenticate"] ?? "",
          commonName: String(CN),
        });
      })
        .on("error", reject)
        .end();
    });
  };
  const withClient = ({ certificate, key }: CertificateFiles): object => ({
    cert: readFileSync(certificate),
    key: readFileSync(key),
  });

  it("serves https with the realm of its challenges to match, and no older protocol than asked for", async () => {
    const tls = v.parse(tlsSection, { ...server, minVersion: "1.3" });
    const guarded = await GuardedRegistry.start({}, { tls });
    try {
      const { url } = guarded.registry;
      assert.match(url, /^https:/);
      const answer = await get(`${url}/v2/`);
      assert.deepEqual([answer.status, answer.commonName], [401, "first"]);
      assert.equal(answer.challenge, `Bearer realm="${url}/token",service="berth"`);
      assert.equal((await get(`${url}/v2/`, { headers: { Authorization: basic("alice") } })).status, 200);
      await assert.rejects(get(`${url}/v2/`, { maxVersion: "TLSv1.2" }));
      await assert.rejects(get(`${url}/v2/`, { ca: [] }));
    } finally {
      await guarded.stop();
    }
  });

  it("knows users by their client certificates, and nobody by another authority's", async () => {
    const other = await TestCertificates.create();
    const tls = v.parse(tlsSection, { ...server, clientCa: authority.ca });
    const access = [{ repositories: ["ci/**"], users: ["cert:ci-*"], actions: ["pull"] }];
    const guarded = await GuardedRegistry.start({ access }, { tls });
    try {
      const { url } = guarded.registry;
      const path = `${url}/v2/ci/x/tags/list`;
      assert.equal((await get(`${url}/v2/`, withClient(client))).status, 200);
      assert.equal((await get(path, withClient(client))).status, 404);
      assert.equal((await get(`${url}/v2/else/tags/list`, withClient(client))).status, 403);
      assert.equal((await get(path)).status, 401);
      assert.equal((await get(path, withClient(await other.issue("mallory", "ci-runner")))).status, 401);
      // What a request says itself goes before what its connection says.
      const headers = { Authorization: basic("alice") };
      assert.equal((await get(path, { ...withClient(client), headers })).status, 403);
      assert.equal((await get(path, withClient(await authority.issue("local", "alice")))).status, 403);
    } finally {
      await guarded.stop();
      other.remove();
    }
  });

  it("speaks with nobody else when client certificates are required", async () => {
    const tls = v.parse(tlsSection, { ...server, clientCa: authority.ca, clientCertificate: "required" });
    const registry = await TestRegistry.start({ tls });
    try {
      assert.equal((await get(`${registry.url}/v2/`, withClient(client))).status, 200);
      await assert.rejects(get(`${registry.url}/v2/`));
    } finally {
      await registry.stop();
    }
  });

  it("takes a new certificate for new connections, and keeps the old one while the files are bad", async () => {
    const files = { certificate: join(authority.directory, "live.crt"), key: join(authority.directory, "live.key") };
    copyFileSync(server.certificate, files.certificate);
    copyFileSync(server.key, files.key);
    const registry = await TestRegistry.start({ tls: v.parse(tlsSection, files) });
    const commonName = async (): Promise<string> => (await get(`${registry.url}/v2/`)).commonName;
    const open = connect({
      port: Number(new URL(registry.url).port),
      ca: readFileSync(authority.ca),
      host: "127.0.0.1",
    });
    try {
      await new Promise<void>((resolve) => {
        open.once("secureConnect", () => {
          resolve();
        });
      });
      assert.equal(await commonName(), "first");
      const second = await authority.issue("second", "second");
      // Half of it: the key does not belong to the certificate yet.
      copyFileSync(second.certificate, files.certificate);
      await assert.rejects(registry.reload(undefined), (error) => isBerthError(error, "CONFIG_INVALID"));
      assert.equal(await commonName(), "first");
      copyFileSync(second.key, files.key);
      await registry.reload(undefined);
      assert.equal(await commonName(), "second");
      assert.ok(!open.destroyed);
      writeFileSync(files.certificate, "nothing");
      await assert.rejects(registry.reload(undefined), (error) => isBerthError(error, "CONFIG_INVALID"));
      assert.equal(await commonName(), "second");
    } finally {
      open.destroy();
      await registry.stop();
    }
  });

  it("sees by itself that the files have changed, and that they belong together again", async () => {
    const files = { certificate: join(authority.directory, "seen.crt"), key: join(authority.directory, "seen.key") };
    copyFileSync(server.certificate, files.certificate);
    copyFileSync(server.key, files.key);
    const tls = await ServerTls.open(v.parse(tlsSection, files) ?? assert.fail(), pino({ level: "silent" }), 10);
    const https = createServer(tls.serverOptions, (_request, response) => response.end());
    tls.attach(https);
    await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${String((https.address() as AddressInfo).port)}/`;
    try {
      assert.equal((await get(url)).commonName, "first");
      const next = await authority.issue("next", "next");
      copyFileSync(next.certificate, files.certificate);
      // As if the key came a while later.
      for (let i = 0; i < 5; i++) assert.equal((await get(url)).commonName, "first");
      copyFileSync(next.key, files.key);
      while ((await get(url)).commonName !== "next") await setImmediate();
    } finally {
      tls.close();
      https.closeAllConnections();
      https.close();
    }
  });

  it("does not start with files that do not belong together or are none, and says which", async () => {
    const cases = [
      [{ ...server, key: client.key }, `tls.key: ${client.key} is not the key of ${server.certificate}`],
      [{ ...server, certificate: "/nowhere" }, "tls.certificate: ENOENT"],
      [{ ...server, key: server.certificate }, "tls.key: "],
      [{ ...server, clientCa: server.key }, "tls.clientCa: "],
    ] as const;
    for (const [files, message] of cases) {
      await assert.rejects(
        startRegistry({ root: join(authority.directory, "store"), tls: v.parse(tlsSection, files) }),
        (error) => isBerthError(error, "CONFIG_INVALID") && error.message.startsWith(message),
      );
    }
  });
});
