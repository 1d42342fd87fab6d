import assert from "node:assert/strict";

import fc from "fast-check";

import type { Digest } from "../../../oci/digest.js";
import { isRepositoryName } from "../../../oci/reference.js";
import {
  blobLinkOfKey,
  digestOfKey,
  keys,
  lastComponentOf,
  referrerOfKey,
  registerNumberOf,
  repositoryOfPrefix,
} from "../../../registry/storage/key-tree.js";
import { assertObjectKey } from "../../../storage/object-key.js";

const A: Digest = `sha256:${"ab".repeat(32)}`;
const ID = "0f0f0f0f-1111-4222-8333-444444444444";
const B: Digest = `sha512:${"cd".repeat(64)}`;

const words = fc.constantFrom(
  "a",
  "b",
  "tags",
  "manifests",
  "blobs",
  "referrers",
  "uploads",
  "list",
  "sha256",
  "a.b",
  "a__b",
);
const names = fc.array(words, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));

describe("key tree", () => {
  it("gives each thing of each repository a key of its own, and no key below another", () => {
    fc.assert(
      fc.property(fc.uniqueArray(names, { minLength: 2, maxLength: 4 }), (repositories) => {
        const all = repositories.flatMap((name) => {
          assert.ok(isRepositoryName(name));
          return [
            keys.tag(name, "tags"),
            keys.tag(name, "manifests"),
            keys.blobLink(name, A, ID, 1),
            keys.registerEntry(keys.manifest(name, A), 1),
            keys.referrer(name, A, B, ID),
            keys.referrer(name, B, A, ID),
          ];
        });
        for (const key of all) assertObjectKey(key);
        assert.equal(new Set(all).size, all.length);
        for (const key of all) assert.ok(all.every((other) => other === key || !other.startsWith(`${key}/`)));
      }),
    );
  });

  it("gives back what it was made of", () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 9_999_999_999 }), (name, number) => {
        assert.equal(repositoryOfPrefix(`${keys.repository(name)}/`), name);
        assert.equal(repositoryOfPrefix(`${keys.manifests(name)}/`), name);
        assert.equal(registerNumberOf(keys.registerEntry(keys.blob(A), number)), number);
      }),
    );
    assert.equal(digestOfKey(keys.blobLinksOf("a", B)), B);
    assert.deepEqual(referrerOfKey(keys.referrer("a", A, B, ID)), { subject: A, referrer: B, data: ID });
    assert.deepEqual(blobLinkOfKey(keys.blobLink("a", A, ID, 12)), { digest: A, data: ID, size: 12 });
    assert.deepEqual([referrerOfKey("repos/a/tags/b"), blobLinkOfKey("repos/a/tags/b")], [undefined, undefined]);
    assert.equal(digestOfKey("repos/a/tags/b"), undefined);
    assert.equal(lastComponentOf(keys.tag("a", "v1")), "v1");
  });

  it("has room for the longest name, tag and digest", () => {
    const name = `${"a/".repeat(127)}a`;
    assertObjectKey(keys.registerEntry(keys.manifest(name, B), 1));
    assertObjectKey(keys.tag(name, "t".repeat(128)));
    assertObjectKey(keys.referrer("a".repeat(255), B, B, ID));
    assertObjectKey(keys.blobLink("a".repeat(255), B, ID, Number.MAX_SAFE_INTEGER));
  });

  it("sorts a register's entries by number", () => {
    const numbers = [1, 2, 9, 10, 99, 100, 1_000_000_000];
    const entries = numbers.map((number) => keys.registerEntry("r", number));
    assert.deepEqual(entries.toSorted(), entries);
  });
});
