import assert from "node:assert/strict";

import { chainIdsOf } from "../../../oci/chain-id.js";
import { digestOf, isDigest, parseDigest } from "../../../oci/digest.js";

describe("digests", () => {
  it("of sha256 and sha512 are read", () => {
    assert.equal(parseDigest(digestOf("x")), digestOf("x"));
    assert.equal(parseDigest(digestOf("x", "sha512")), digestOf("x", "sha512"));
  });

  const refused = [
    "",
    "sha256:",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}`,
    `sha512:${"a".repeat(64)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${"a".repeat(64)}/..`,
    `sha256:${"a".repeat(64)}\n`,
  ];
  for (const text of refused) {
    it(`refuse ${JSON.stringify(text.slice(0, 24))} of ${String(text.length)} characters`, () => {
      assert.throws(() => parseDigest(text), { code: "DIGEST_INVALID" });
      assert.equal(isDigest(text), false);
    });
  }

  it("of layers give ChainIDs: the base layer's own, then sha256 of parent, space, DiffID", () => {
    const [a, b] = [digestOf("a"), digestOf("b")];
    assert.deepEqual(chainIdsOf([a, b]), [a, digestOf(`${a} ${b}`)]);
    assert.deepEqual(chainIdsOf([]), []);
  });
});
