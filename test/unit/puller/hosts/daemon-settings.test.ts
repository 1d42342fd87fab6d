import assert from "node:assert/strict";

import fc from "fast-check";

import { isBerthError } from "../../../../oci/errors.js";
import { parseDaemonSettings, type DaemonSettings } from "../../../../puller/hosts/daemon-settings.js";
import { isInsecure } from "../../../../puller/hosts/insecure-registries.js";
import { Mistakes } from "../../../../puller/hosts/mistakes.js";

function read(value: unknown): DaemonSettings {
  const mistakes = new Mistakes();
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const settings = parseDaemonSettings(text, "daemon.json", mistakes);
  mistakes.throwIfAny();
  return settings;
}

function messageFor(value: unknown): string {
  try {
    read(value);
  } catch (error) {
    assert.ok(isBerthError(error, "CONFIG_INVALID"));
    return error.message;
  }
  return "";
}

describe("daemon.json", () => {
  it("mirrors and insecure registries are read, what is Docker's own is passed over", () => {
    assert.deepEqual(
      read({
        "registry-mirrors": ["https://m.example", "http://127.0.0.1:5000/"],
        "insecure-registries": ["r.example:5000", "10.0.0.0/8", "fd00::/8", "[::1]:5000"],
        "log-driver": "json-file",
      }),
      {
        mirrors: ["https://m.example", "http://127.0.0.1:5000/"],
        insecureRegistries: ["r.example:5000", "10.0.0.0/8", "fd00::/8", "[::1]:5000"],
      },
    );
    assert.deepEqual(read({}), { mirrors: [], insecureRegistries: [] });
  });

  const wrong: readonly (readonly [unknown, RegExp])[] = [
    ["{", /^daemon\.json: is not JSON$/],
    [[], /^daemon\.json: is not a JSON object$/],
    [null, /^daemon\.json: is not a JSON object$/],
    [{ "registry-mirrors": "https://x" }, /registry-mirrors is not a list/],
    [{ "registry-mirrors": [5] }, /registry-mirrors\[0\] is not an address/],
    [{ "registry-mirrors": ["https://ok", "m.example"] }, /registry-mirrors\[1\] does not begin with http/],
    [{ "registry-mirrors": ["ftp://m.example"] }, /registry-mirrors\[0\] is no address/],
    [{ "registry-mirrors": ["https://me:s3cret@m.example"] }, /registry-mirrors\[0\] holds a user name or password/],
    [{ "registry-mirrors": ["https://m.example/?a"] }, /registry-mirrors\[0\] has a query/],
    [{ "insecure-registries": {} }, /insecure-registries is not a list/],
    [{ "insecure-registries": [null] }, /insecure-registries\[0\] is not a name/],
    [{ "insecure-registries": ["https://x"] }, /insecure-registries\[0\] is neither host/],
    [{ "insecure-registries": ["10.0.0.0/40"] }, /insecure-registries\[0\] is neither host/],
    [{ "registry-mirror": [] }, /"registry-mirror" is not known/],
    [{ insecure_registries: [] }, /"insecure_registries" is not known/],
  ];
  for (const [value, expected] of wrong) {
    it(`${JSON.stringify(value)} is refused with its path`, () => {
      assert.match(messageFor(value), expected);
      assert.doesNotMatch(messageFor(value), /s3cret/);
    });
  }

  it("all mistakes are told at once", () => {
    const message = messageFor({ "registry-mirrors": [1, "x"], "insecure-registries": ["a b"], mirrors: [] });
    assert.equal(message.split("; ").length, 4, message);
  });

  it("throws nothing but CONFIG_INVALID, whatever the file holds", () => {
    const anything = fc.record(
      { "registry-mirrors": fc.jsonValue(), "insecure-registries": fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), anything), (value) => {
        messageFor(value);
      }),
    );
  });
});

describe("isInsecure", () => {
  const settings = ["r.example:5000", "plain.example", "10.1.0.0/16", "fd00::/8"];

  it("is for the port that was named, or any port of a host without one", () => {
    assert.equal(isInsecure(settings, "r.example:5000"), true);
    assert.equal(isInsecure(settings, "r.example:5001"), false);
    assert.equal(isInsecure(settings, "plain.example:1"), true);
    assert.equal(isInsecure(settings, "not-plain.example"), false);
  });

  it("is for addresses of a network", () => {
    assert.equal(isInsecure(settings, "10.1.2.3:5000"), true);
    assert.equal(isInsecure(settings, "10.2.2.3"), false);
    assert.equal(isInsecure(settings, "[fd00::1]:5000"), true);
    assert.equal(isInsecure(settings, "[fe80::1]"), false);
  });
});
