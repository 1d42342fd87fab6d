import assert from "node:assert/strict";

import fc from "fast-check";

import { AccessRules } from "../../../../registry/auth/access-rules.js";
import { ANONYMOUS, isLocalName, type Identity } from "../../../../registry/auth/identity.js";
import {
  compileRepositoryPattern,
  isEverything,
  isRepositoryPattern,
} from "../../../../registry/auth/repository-pattern.js";
import type { AccessRuleSettings } from "../../../../registry/config/auth-section.js";
import { matchesPattern } from "../../../../registry/policy/name-pattern.js";

const rule = (settings: Partial<AccessRuleSettings>): AccessRuleSettings => ({
  repositories: ["**"],
  users: [],
  groups: [],
  anonymous: false,
  actions: ["pull"],
  ...settings,
});
const user = (name: string, ...groups: string[]): Identity => ({ user: name, groups });

describe("access rules", () => {
  it("allow nothing that no rule allows", () => {
    const none = new AccessRules([], {});
    for (const identity of [ANONYMOUS, user("alice"), user("ci:x", "ci:y")]) {
      assert.ok(!none.allows(identity, "pull", "a"));
      assert.ok(!none.mayList(identity) && !none.mayPullAll(identity) && !none.knows(identity));
    }
  });

  it("hold for the users, groups and actions that they name", () => {
    const rules = new AccessRules(
      [
        rule({ users: ["alice"], actions: ["pull", "push"], repositories: ["team/**"] }),
        rule({ groups: ["staff"], actions: ["delete", "catalog"], repositories: ["**"] }),
        rule({ anonymous: true, repositories: ["public/*"] }),
      ],
      { staff: ["bob", "ci:repo:acme/*"] },
    );
    const allowed = (identity: Identity, repository: string): string[] =>
      (["pull", "push", "delete"] as const).filter((action) => rules.allows(identity, action, repository));
    assert.deepEqual(allowed(user("alice"), "team/a/b"), ["pull", "push"]);
    assert.deepEqual(allowed(user("alice"), "team"), []);
    assert.deepEqual(allowed(user("alice"), "teams/a"), []);
    assert.deepEqual(allowed(user("alice"), "public/a"), ["pull"]);
    assert.deepEqual(allowed(ANONYMOUS, "public/a/b"), []);
    assert.deepEqual(allowed(user("bob"), "x"), ["delete"]);
    assert.deepEqual(allowed(user("ci:repo:acme/app:ref"), "x"), ["delete"]);
    assert.deepEqual([rules.mayList(user("bob")), rules.mayList(user("alice"))], [true, false]);
  });

  it("keep those apart for whom others vouch", () => {
    const rules = new AccessRules([rule({ users: ["*", "ad*"], groups: ["staff"] })], { staff: ["bob"] });
    assert.ok(rules.allows(user("admin"), "pull", "a"));
    for (const other of [user("ci:admin"), user("cert:admin"), user("ci:x", "staff"), user("ci:bob"), user("")]) {
      assert.ok(!rules.allows(other, "pull", "a"), other.user);
    }
    const others = new AccessRules([rule({ users: ["ci:*"] })], {});
    assert.ok(others.allows(user("ci:a:b"), "pull", "a"));
    assert.ok(!others.allows(user("ci2:a"), "pull", "a") && !others.allows(user("cia"), "pull", "a"));
  });

  it("put the user's name into patterns only where it can be a component", () => {
    const rules = new AccessRules([rule({ users: ["*", "ci:*"], repositories: ["home/${user}/**"] })], {});
    assert.ok(rules.allows(user("alice"), "pull", "home/alice/x"));
    assert.ok(!rules.allows(user("alice"), "pull", "home/bob/x"));
    for (const name of ["Alice", "a..b", "a@b", "ci:alice", "ci:*", "ci:a/b", "ci:**"]) {
      assert.ok(!rules.allows(user(name), "pull", `home/${name}/x`), name);
      assert.ok(!rules.allows(user(name), "pull", "home/alice/x"), name);
    }
  });

  it("know who may pull everything", () => {
    const rules = new AccessRules([rule({ users: ["a"] }), rule({ users: ["b"], repositories: ["*"] })], {});
    assert.deepEqual([rules.mayPullAll(user("a")), rules.mayPullAll(user("b"))], [true, false]);
    assert.deepEqual(["**", "***", "*", "a/**", "**/a"].map(isEverything), [true, true, false, false, false]);
  });
});

describe("a repository pattern", () => {
  it("matches as patterns of policies do, compiled or not", () => {
    const part = fc.constantFrom("a", "b", "ab", ".", "-", "/", "*", "**", "?", "_");
    const text = fc.array(part, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(""));
    const name = fc
      .array(fc.constantFrom("a", "b", ".", "-", "/", "_"), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, name, (pattern, name) => {
        assert.equal(compileRepositoryPattern(pattern, "")?.(name), matchesPattern(pattern, name));
      }),
      { numRuns: 2000 },
    );
  });

  it("is text of names and wildcards alone", () => {
    for (const good of ["**", "a/*", "team-?/**", "users/${user}/x", "a.b_c"])
      assert.ok(isRepositoryPattern(good), good);
    for (const bad of ["", "A", "a b", "a:b", "${group}", "a|b", "(a)", "[a]", "a\n", "a".repeat(256)]) {
      assert.ok(!isRepositoryPattern(bad), bad);
    }
  });
});

describe("a local name", () => {
  it("never looks like one with a prefix, and goes into headers and lines as it is", () => {
    for (const good of ["a", "alice", "A.b-c_d@e+f", "a".repeat(128)]) assert.ok(isLocalName(good), good);
    for (const bad of ["", "a:b", "a b", "a\n", "-a", "a/b", "\u0430", "a".repeat(129), "a\0"])
      assert.ok(!isLocalName(bad));
  });
});
