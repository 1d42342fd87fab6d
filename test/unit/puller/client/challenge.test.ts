import assert from "node:assert/strict";

import fc from "fast-check";

import { parseChallenges } from "../../../../puller/client/challenge.js";

const plain = (header: string): unknown[] =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe("parseChallenges", () => {
  it("reads the challenge of a token registry, commas inside quotes included", () => {
    assert.deepEqual(
      plain('Bearer realm="https://auth.example/token",service="reg.example",scope="repository:a/b:pull,push"'),
      [["bearer", { realm: "https://auth.example/token", service: "reg.example", scope: "repository:a/b:pull,push" }]],
    );
  });

  it("reads several challenges of one header", () => {
    assert.deepEqual(plain('Basic realm="a, b", Bearer realm="https://x/", service=y'), [
      ["basic", { realm: "a, b" }],
      ["bearer", { realm: "https://x/", service: "y" }],
    ]);
  });

  it("passes over opaque data of other schemes", () => {
    assert.deepEqual(plain('Negotiate YII+abc==, Basic realm="x"'), [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ]);
  });

  it("takes names in any case, spaces around =, and escapes in quotes", () => {
    assert.deepEqual(plain('BEARER Realm = "a\\"b\\\\c"'), [["bearer", { realm: 'a"b\\c' }]]);
  });

  it("keeps the first of a parameter that comes twice", () => {
    assert.deepEqual(plain('Bearer realm="https://first/", realm="https://second/"'), [
      ["bearer", { realm: "https://first/" }],
    ]);
  });

  it("reads back every challenge that can be written", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
    const value = fc.string({ maxLength: 30 });
    const parameters = fc.dictionary(token, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
    const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
    fc.assert(
      fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 3 }), (challenges) => {
        const header = challenges
          .map(([scheme, pairs]) => {
            const list = Object.entries(pairs).map(([name, text]) => `${name}=${quoted(text)}`);
            return `${scheme} ${list.join(", ")}`;
          })
          .join(", ");
        assert.deepEqual(
          plain(header),
          challenges.map(([scheme, pairs]) => [scheme, { ...pairs }]),
        );
      }),
    );
  });

  it("ends on any text, in time that grows with its length only", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom("a", "b", "=", ",", '"', " ", "\\", "\t", "~", ";", "\u0000", "é"),
          maxLength: 400,
        }),
        (header) => {
          for (const { scheme } of parseChallenges(header)) assert.match(scheme, /^\S+$/);
        },
      ),
      { numRuns: 2000 },
    );
    // Milliseconds; the square of it would be over the test's time limit on any machine.
    for (const part of ['a="', "a, ", "a=b ", '\\"', "a "]) parseChallenges(part.repeat(1_000_000));
  });
});
