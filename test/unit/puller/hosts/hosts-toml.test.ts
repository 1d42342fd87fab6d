import assert from "node:assert/strict";

import fc from "fast-check";

import { isBerthError } from "../../../../oci/errors.js";
import { parseHostsToml, type HostsFile } from "../../../../puller/hosts/hosts-toml.js";
import { Mistakes } from "../../../../puller/hosts/mistakes.js";

function read(text: string): HostsFile | undefined {
  const mistakes = new Mistakes();
  const file = parseHostsToml(text, "hosts.toml", mistakes);
  mistakes.throwIfAny();
  return file;
}

function mistakesIn(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    assert.ok(isBerthError(error, "CONFIG_INVALID"));
    return error.message.split("; ").map((line) => line.replace("hosts.toml: ", ""));
  }
  return [];
}

describe("hosts.toml", () => {
  it("every field is read", () => {
    const file = read(`
      server = "https://origin.example"
      capabilities = ["pull"]
      [host."https://m1.example:5000"]
      capabilities = ["pull", "resolve", "push", "referrers"]
      ca = "ca.pem"
      client = "both.pem"
      skip_verify = true
      dial_timeout = "1m1.5s"
      [host."https://m1.example:5000".header]
      X-One = "1"
      X-Two = ["a", "b"]
      [host."http://m2.example/v2/cache"]
      override_path = true
      ca = ["a.pem", "b.pem"]
      client = [["c.cert", "c.key"], "d.pem"]
    `);
    const [first, second] = file?.mirrors ?? [];
    assert.equal(first?.endpoint?.href, "https://m1.example:5000/v2");
    assert.deepEqual([...(first?.capabilities ?? [])], ["pull", "resolve", "push"]);
    assert.deepEqual(first?.authorities, ["ca.pem"]);
    assert.deepEqual(first?.certificates, [{ certificate: "both.pem", key: "both.pem" }]);
    assert.equal(first?.skipVerify, true);
    assert.equal(first?.dialTimeout, 61_500);
    assert.deepEqual(first?.headers, { "x-one": "1", "x-two": "a, b" });
    assert.equal(second?.endpoint?.href, "http://m2.example/v2/cache");
    assert.deepEqual(second?.authorities, ["a.pem", "b.pem"]);
    assert.deepEqual(second?.certificates, [
      { certificate: "c.cert", key: "c.key" },
      { certificate: "d.pem", key: "d.pem" },
    ]);
    assert.equal(file?.server.endpoint?.href, "https://origin.example/v2");
    assert.deepEqual([...(file?.server.capabilities ?? [])], ["pull"]);
  });

  it("mirrors come in the order of the file", () => {
    const names = read('[host."https://b"]\n[host."https://a"]\n[host."https://c"]')?.mirrors.map(
      (m) => m.endpoint?.host,
    );
    assert.deepEqual(names, ["b", "a", "c"]);
  });

  it("a mirror that says nothing may not be pushed to, the registry itself may", () => {
    const file = read('[host."https://m"]');
    assert.deepEqual([...(file?.mirrors[0]?.capabilities ?? [])], ["pull", "resolve"]);
    assert.deepEqual([...(file?.server.capabilities ?? [])], ["pull", "resolve", "push"]);
    assert.equal(file?.server.endpoint, undefined);
  });

  it("an address without a scheme is https, /v2 comes once, and a path stays in front of it", () => {
    const hosts = ["m.example", "https://m.example/v2/", "https://m.example/hub"].map((name) => `[host."${name}"]`);
    assert.deepEqual(
      read(hosts.join("\n"))?.mirrors.map((m) => m.endpoint?.href),
      ["https://m.example/v2", "https://m.example/v2", "https://m.example/hub/v2"],
    );
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['server = "ftp://x"', /^server is no address/],
    ["server = 5", /^server is not an address/],
    ['server = "https://me:secret@x"', /^server holds a user name or password/],
    ['server = "https://x?y=1"', /^server has a query/],
    ["host = 1", /^host is not a table/],
    ['[host."https://x"]\ncapabilities = "pull"', /^host\["https:\/\/x"\]\.capabilities is not a list/],
    ['[host."https://x"]\ncapabilities = ["pull", "fetch"]', /capabilities\[1\] is none of/],
    ['[host."https://x"]\nca = 1', /\.ca is neither a file nor/],
    ['[host."https://x"]\nca = ""', /\.ca is empty/],
    ['[host."https://x"]\nclient = [["a"]]', /\.client\[0\]|\.client is neither/],
    ['[host."https://x"]\nskip_verify = "yes"', /\.skip_verify is not true or false/],
    ['[host."https://x"]\noverride_path = 1', /\.override_path is not true or false/],
    ['[host."https://x"]\ndial_timeout = 5', /\.dial_timeout is no time/],
    ['[host."https://x"]\ndial_timeout = "5"', /\.dial_timeout is no time/],
    ['[host."https://x"]\ndial_timeout = "100h"', /\.dial_timeout is not between/],
    ['[host."https://x"]\nheader = 1', /\.header is not a table/],
    ['[host."https://x".header]\n"a b" = "1"', /\.header\["a b"\] is no name of a header/],
    ['[host."https://x".header]\na = "1\\n2"', /\.header\.a /],
    ['[host."https://x".header]\na = 1', /\.header\.a is neither text nor/],
    ['[host."https://x"]\ncapabilites = []', /\.capabilites is not known/],
    ["mirror = 1", /^mirror is not known/],
    ['[host."ftp://x"]', /^host\["ftp:\/\/x"\] is no address/],
    ["a = ", /^is not TOML, line 1/],
  ];
  for (const [text, expected] of wrong) {
    it(`${JSON.stringify(text)} is refused with its path`, () => {
      const found = mistakesIn(text).map((line) => line.replace(/^hosts\.toml, /, ""));
      assert.ok(
        found.some((line) => expected.test(line)),
        found.join("\n"),
      );
    });
  }

  it("all mistakes are told at once", () => {
    const found = mistakesIn(`server = 1\nx = 1\n[host."https://m"]\nskip_verify = 1\nca = 2\ny = 3`);
    assert.equal(found.length, 5, found.join("\n"));
  });

  it("what is no TOML is not quoted: headers hold secrets", () => {
    const [line = ""] = mistakesIn('[host."https://x".header]\nauthorization = "s3cret');
    assert.doesNotMatch(line, /s3cret/);
  });

  it("throws nothing but CONFIG_INVALID, whatever the file holds", () => {
    const word = fc.constantFrom(
      "server",
      "host",
      '[host."https://m"]',
      "ca",
      "client",
      "=",
      "[",
      "]",
      '"',
      "\n",
      "header",
      "1",
      "true",
      '"5s"',
      "capabilities",
      "dial_timeout",
      "{",
      "}",
      ".",
      "'",
      "skip_verify",
      "__proto__",
      "\0",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word, { maxLength: 30 }).map((words) => words.join(" ")),
        ),
        (text) => {
          mistakesIn(text);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
