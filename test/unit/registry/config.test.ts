import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError } from "../../../oci/errors.js";
import { isLoopback, parseListenAddress } from "../../../registry/config/listen-address.js";
import { loadConfig } from "../../../registry/config/load-config.js";

describe("registry configuration", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-config-"));
    file = join(directory, "registry.yaml");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("is complete without a file", () => {
    const config = loadConfig({ env: {}, flags: {} });
    assert.deepEqual(
      [config.listen, config.log.level, config.limits.manifestBytes],
      ["127.0.0.1:5000", "info", 4 << 20],
    );
  });

  it("takes flags before the environment, the environment before the file, and the file before defaults", () => {
    writeFileSync(file, "listen: 127.0.0.1:1\nroot: /file\nlog: { level: warn }\nhttp: { idleTimeoutSeconds: 7 }\n");
    const env = { BERTH_REGISTRY_LISTEN: "127.0.0.1:2", BERTH_REGISTRY_LOG_LEVEL: "error", BERTH_REGISTRY_ROOT: "" };
    const config = loadConfig({ file, env, flags: { listen: "127.0.0.1:3" } });
    assert.deepEqual(
      [config.listen, config.log.level, config.root, config.http.idleTimeoutSeconds, config.http.drainTimeoutSeconds],
      ["127.0.0.1:3", "error", "/file", 7, 30],
    );
  });

  it("keeps a variable as text where text is wanted, whatever it looks like", () => {
    const env = {
      BERTH_REGISTRY_STORAGE_S3_BUCKET: "123",
      BERTH_REGISTRY_STORAGE_S3_ACCESS_KEY_ID: "0012345678",
      BERTH_REGISTRY_STORAGE_S3_SECRET_ACCESS_KEY: "true",
      BERTH_REGISTRY_STORAGE_REDIRECT: "false",
    };
    const { s3, redirect } = loadConfig({ env, flags: {} }).storage;
    assert.deepEqual(
      [s3?.bucket, s3?.accessKeyId, s3?.secretAccessKey, redirect],
      ["123", "0012345678", "true", false],
    );
  });

  it("reports every problem at once, each with its path or where it came from", () => {
    writeFileSync(file, "listn: x\nhttp: { idleTimeoutSeconds: soon, url: nowhere }\nlimits: [1]\n");
    const env = { BERTH_REGISTRY_UPLOADS_EXPIRE_AFTER_HOURS: "0", BERTH_REGISTRY_NONSENSE: "1" };
    try {
      loadConfig({ file, env, flags: { logLevel: "loud" } });
      assert.fail("it was accepted");
    } catch (error) {
      assert.ok(error instanceof BerthError);
      for (const word of [
        "listn: there is no such setting",
        "http.idleTimeoutSeconds: is not a number",
        "http.url: is not a URL",
        "limits.0: there is no such setting",
        "BERTH_REGISTRY_UPLOADS_EXPIRE_AFTER_HOURS: is below 1",
        "BERTH_REGISTRY_NONSENSE: there is no such setting",
        "--log-level: is none of",
      ]) {
        assert.ok(error.message.includes(word), `${word} in:\n${error.message}`);
      }
    }
  });

  it("names a file that is not there or is no YAML", () => {
    for (const make of [
      () => undefined,
      () => {
        writeFileSync(file, "a: [");
      },
      () => {
        writeFileSync(file, "- 1");
      },
    ]) {
      make();
      assert.throws(
        () => loadConfig({ file, env: {}, flags: {} }),
        (error) => error instanceof BerthError && error.message.includes(file),
      );
    }
  });

  it("knows what can be reached from outside", () => {
    const reachable = (text: string): boolean => !isLoopback(parseListenAddress(text));
    assert.deepEqual(["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"].filter(reachable), []);
    const open = ["0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "example.org:1", "127.0.0.1.example.org:1"];
    assert.deepEqual(open.filter(reachable), open);
    for (const text of ["", "x", "1.2.3.4", "a:b", "a:99999", "[::1", "[x]:1", "a b:1"]) {
      assert.throws(() => parseListenAddress(text), BerthError, text);
    }
  });
});
