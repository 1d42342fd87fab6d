import assert from "node:assert/strict";

import fc from "fast-check";

import { matchesPattern } from "../../../../registry/policy/name-pattern.js";

describe("patterns of names", () => {
  it("let * stay within a component and ** cross them", () => {
    const cases: [pattern: string, matching: string[], others: string[]][] = [
      ["a", ["a"], ["b", "aa", "a/a", ""]],
      ["a/*", ["a/b", "a/"], ["a", "a/b/c", "b/a"]],
      ["a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]],
      ["**", ["", "a", "a/b"], []],
      ["*/x", ["a/x", "/x"], ["x", "a/b/x"]],
      ["**/x", ["a/b/x", "/x"], ["x", "xx"]],
      ["v?.*", ["v1.2", "v1."], ["v12.1", "v/.1", "v.1"]],
      ["***", ["a/b"], []],
    ];
    for (const [pattern, matching, others] of cases) {
      for (const name of matching) assert.ok(matchesPattern(pattern, name), `${pattern} matches ${name}`);
      for (const name of others) assert.ok(!matchesPattern(pattern, name), `${pattern} does not match ${name}`);
    }
  });

  it("agree with a regular expression that says the same", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
    const patterns = fc.string({ unit: fc.constantFrom("a", "b", "/", "*", "?"), maxLength: 6 });
    fc.assert(
      fc.property(patterns, letters, (pattern, name) => {
        const regex = pattern.replace(/\*\*+|\*|\?/g, (wild) =>
          wild === "?" ? "[^/]" : wild === "*" ? "[^/]*" : ".*",
        );
        assert.equal(matchesPattern(pattern, name), new RegExp(`^(?:${regex})$`).test(name));
      }),
    );
  });

  it("take no longer for patterns on which a regular expression would hang", () => {
    // Half a million steps; with backtracking it would be the 40th power of 255.
    assert.equal(matchesPattern("*a".repeat(40) + "b", "a".repeat(255)), false);
  });
});
