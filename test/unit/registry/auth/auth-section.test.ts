import assert from "node:assert/strict";

import { BerthError } from "../../../../oci/errors.js";
import { loadConfig } from "../../../../registry/config/load-config.js";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the auth and tls sections", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-config-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const load = (settings: object, env: Record<string, string> = {}): ReturnType<typeof loadConfig> => {
    const file = join(directory, "registry.yaml");
    writeFileSync(file, JSON.stringify(settings));
    return loadConfig({ file, env, flags: {} });
  };
  const problemsOf = (settings: object): string => {
    try {
      load(settings);
    } catch (error) {
      assert.ok(error instanceof BerthError);
      return error.message;
    }
    return "";
  };

  it("are absent by default, and complete with the least", () => {
    const { auth, tls } = load({});
    assert.deepEqual([auth, tls], [undefined, undefined]);
    const { auth: some } = load({ auth: {} }, { BERTH_REGISTRY_AUTH_KEYS_SECRET: "x".repeat(32) });
    assert.deepEqual(
      [some?.service, some?.tokens.lifetimeSeconds, some?.keys.algorithm, some?.keys.secret?.length, some?.access],
      ["berth", 300, "EdDSA", 32, []],
    );
  });

  it("report each mistake with its path", () => {
    const text = problemsOf({
      auth: {
        service: 'x"',
        groups: { "a:b": ["x"] },
        keys: { secret: "short", algorithm: "HS256" },
        issuers: [{ name: "cert", issuer: "http://keys.example", jwks: "file:///etc/keys", audience: "" }],
        access: [{ repositories: ["A/**"], actions: ["write"] }, { users: ["a"] }, { actions: ["pull"], user: ["a"] }],
      },
      tls: { certificate: "c", key: "k", clientCertificate: "required", minVersion: "1.1" },
    });
    for (const path of [
      "auth.service: has characters",
      "auth.keys.secret: is shorter than 32",
      "auth.keys.algorithm: is none of EdDSA",
      "auth.issuers.0.name: is taken",
      "auth.issuers.0.issuer: is neither https",
      "auth.issuers.0.jwks: is neither https",
      "auth.issuers.0.audience: is empty",
      "auth.access.0.repositories.0: is no pattern",
      "auth.access.0.actions.0: is none of pull",
      "auth.access.1.actions: ",
      "auth.access.2.user: there is no such setting",
      "tls.minVersion: is neither 1.2",
    ]) {
      assert.ok(text.includes(path), `${path} in\n${text}`);
    }
  });

  it("report what cannot be meant", () => {
    const issuer = { name: "ci", issuer: "https://ci.example", audience: "x" };
    const text = problemsOf({
      auth: {
        issuers: [issuer, issuer],
        keys: { directory: "/k", secret: "x".repeat(32) },
        groups: { ops: ["hub:x"] },
        access: [{ groups: ["opps"], actions: ["pull"] }],
      },
      tls: { certificate: "c", key: "k", clientCertificate: "required" },
    });
    for (const message of [
      "two issuers have the same name",
      "two issuers have the same address",
      "keys has both a directory and a secret",
      "hub:x begins with the name of no issuer",
      "there is no group opps",
      "client certificates cannot be required without clientCa",
    ]) {
      assert.ok(text.includes(message), `${message} in\n${text}`);
    }
  });
});
