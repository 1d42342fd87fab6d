import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { isBerthError } from "../../../../oci/errors.js";
import { credentialsIn, dockerConfigPath, savedCredentials } from "../../../../puller/credentials/docker-config.js";

const auth = (text: string): string => Buffer.from(text).toString("base64");
const config = (auths: object): string => JSON.stringify({ auths });
const read = (auths: object, registry: string): unknown => credentialsIn(config(auths), registry, "config.json");

describe("credentialsIn", () => {
  it("decodes auth; the password may hold colons", () => {
    const auths = { "reg.example:5000": { auth: auth("me:a:b") } };
    assert.deepEqual(read(auths, "reg.example:5000"), { username: "me", password: "a:b" });
  });

  it("finds Docker Hub under its old address", () => {
    const auths = { "https://index.docker.io/v1/": { auth: auth("me:secret") } };
    assert.deepEqual(read(auths, "docker.io"), { username: "me", password: "secret" });
  });

  it("takes keys with a scheme and a path", () => {
    const auths = { "https://reg.example/v2/": { username: "me", password: "x" } };
    assert.deepEqual(read(auths, "reg.example"), { username: "me", password: "x" });
  });

  it("has nothing for another port of the same host", () => {
    assert.equal(read({ "reg.example:5000": { auth: auth("me:x") } }, "reg.example:5001"), undefined);
  });

  it("takes an identity token with or without a name", () => {
    assert.deepEqual(read({ r: { identitytoken: "t" } }, "r"), { username: "", password: "", identityToken: "t" });
  });

  it("names the file and not the secret when it cannot be read", () => {
    for (const text of ['{"auths": {"r": {"auth": "c2VjcmV0"}}}', '{"auths": {"r": {"auth": "s3cret']) {
      assert.throws(
        () => credentialsIn(text, "r", "/home/me/config.json"),
        (error) => {
          assert.ok(isBerthError(error, "CONFIG_INVALID"));
          assert.match(error.message, /^\/home\/me\/config\.json/);
          assert.doesNotMatch(error.message, /s3cret|c2VjcmV0|secret$/);
          return true;
        },
      );
    }
  });

  it("throws nothing but CONFIG_INVALID, whatever the file holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.jsonValue().map((value) => config({ r: value })),
        ),
        (text) => {
          try {
            credentialsIn(text, "r", "f");
          } catch (error) {
            assert.ok(isBerthError(error, "CONFIG_INVALID"));
          }
        },
      ),
    );
  });
});

describe("savedCredentials", () => {
  it("has none when there is no file", async () => {
    assert.equal(await savedCredentials("r", join(tmpdir(), "no-such-directory", "config.json")), undefined);
  });

  it("looks where DOCKER_CONFIG says", () => {
    assert.equal(dockerConfigPath({ DOCKER_CONFIG: "/somewhere" }), "/somewhere/config.json");
  });
});
