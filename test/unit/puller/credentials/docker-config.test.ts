import assert from "node:assert/strict";

import fc from "fast-check";

import { isBerthError } from "../../../../oci/errors.js";
import {
  authsEntry,
  dockerConfigPath,
  helperFor,
  parseDockerConfig,
} from "../../../../puller/credentials/docker-config.js";

const auth = (text: string): string => Buffer.from(text).toString("base64");
const config = (auths: object): string => JSON.stringify({ auths });
const read = (auths: object, registry: string, repository?: string): unknown =>
  authsEntry(parseDockerConfig(config(auths), "config.json"), registry, repository);

describe("authsEntry", () => {
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
        () => authsEntry(parseDockerConfig(text, "/home/me/config.json"), "r"),
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
            const file = parseDockerConfig(text, "f");
            authsEntry(file, "r", "a/b");
            helperFor(file, "r");
          } catch (error) {
            assert.ok(isBerthError(error, "CONFIG_INVALID"));
          }
        },
      ),
    );
  });
});

describe("authsEntry with podman's keys", () => {
  const mine = { username: "me", password: "mine" };
  const team = { username: "me", password: "team" };

  it("takes the longest that the repository lies below, and the registry's for the others", () => {
    const auths = { "quay.example": mine, "quay.example/team": team };
    assert.deepEqual(read(auths, "quay.example", "team/app"), team);
    assert.deepEqual(read(auths, "quay.example", "teams/app"), mine);
    assert.deepEqual(read(auths, "quay.example"), mine);
  });

  it("does not give a repository's credentials to the whole registry", () => {
    assert.equal(read({ "quay.example/team": team }, "quay.example", "other"), undefined);
  });
});

describe("helperFor", () => {
  const helper = (file: object, registry: string): string | undefined =>
    helperFor(parseDockerConfig(JSON.stringify(file), "config.json"), registry);

  it("is credHelpers' for a registry that it names, credsStore for the others", () => {
    const file = { credsStore: "pass", credHelpers: { "gcr.io": "gcloud", "https://index.docker.io/v1/": "hub" } };
    assert.equal(helper(file, "gcr.io"), "gcloud");
    assert.equal(helper(file, "docker.io"), "hub");
    assert.equal(helper(file, "other"), "pass");
    assert.equal(helper({}, "other"), undefined);
  });

  it("refuses what is no plain name", () => {
    for (const credsStore of ["../evil", "a/b", "a b", "-x", ".", 5, {}]) {
      assert.throws(() => helper({ credsStore }, "r"), /config\.json: credsStore is no name/);
    }
    assert.throws(() => helper({ credHelpers: { r: "/bin/sh" } }, "r"), /credHelpers\["r"\]/);
  });
});

describe("dockerConfigPath", () => {
  it("is where DOCKER_CONFIG says", () => {
    assert.equal(dockerConfigPath({ DOCKER_CONFIG: "/somewhere" }), "/somewhere/config.json");
    assert.equal(dockerConfigPath({ HOME: "/home/me" }), "/home/me/.docker/config.json");
  });
});
