import assert from "node:assert/strict";

import { parseHtpasswd, withoutUser, withUser } from "../../../../registry/auth/htpasswd-format.js";

const HASH = `$2y$10$${"a".repeat(53)}`;
const OTHER = `$2b$04$${"b".repeat(53)}`;

describe("htpasswd format", () => {
  it("takes bcrypt of a bearable cost", () => {
    const { users, problems } = parseHtpasswd(
      [
        `a:${HASH}`,
        "",
        "# c",
        `b:${OTHER}\r`,
        `c:$2y$31$${"a".repeat(53)}`,
        "d:$apr1$x$y",
        "e:plain",
        `f:$2x$10$${"a".repeat(53)}`,
      ].join("\n"),
    );
    assert.deepEqual(
      [...users],
      [
        ["a", HASH],
        ["b", OTHER],
      ],
    );
    assert.deepEqual(
      problems.map((problem) => problem.split(":")[0]),
      ["line 5", "line 6", "line 7", "line 8"],
    );
  });

  it("adds, changes and removes one user and nothing else", () => {
    assert.equal(withUser("", "a", HASH), `a:${HASH}\n`);
    assert.equal(withUser(`# a:x\nab:1`, "a", HASH), `# a:x\nab:1\na:${HASH}\n`);
    assert.equal(withUser(`a:1\nb:2\na:3\n`, "a", HASH), `a:${HASH}\nb:2\n`);
    assert.equal(withoutUser(`a:1\nb:2\na:3\n`, "a"), "b:2\n");
    assert.equal(withoutUser("a:1\n", "a"), "");
    assert.equal(withoutUser("# a:1\nab:1\n", "a"), undefined);
  });
});
