import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { randomBytes, sha256 } from "../../../runtime-native/index.js";

describe("the addon's cryptography", () => {
  it("sha256 is node's, of a text's UTF-8", () => {
    for (const text of ["", "abc", "é€😀\0", "x".repeat(100_000), "\ud800"]) {
      assert.equal(sha256(text), `sha256:${createHash("sha256").update(text).digest("hex")}`);
    }
  });

  it("randomBytes gives as many as were asked for, and others each time", () => {
    assert.equal(randomBytes(0).length, 0);
    const drawn = Array.from({ length: 100 }, () => randomBytes(32));
    assert.ok(drawn.every((bytes) => bytes.length === 32));
    assert.equal(new Set(drawn.map((bytes) => bytes.toString("hex"))).size, drawn.length);
  });
});
