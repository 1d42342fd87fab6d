import assert from "node:assert/strict";

import fc from "fast-check";

import { BerthError } from "../../../oci/errors.js";
import { isRepositoryName, isTag } from "../../../oci/reference.js";
import { parseByteRanges } from "../../../registry/http/byte-range.js";
import { parseUploadRange } from "../../../registry/http/upload-range.js";
import { blobLinkOfKey, keys, repositoryOfPrefix } from "../../../registry/storage/key-tree.js";
import { receiveManifest } from "../../../registry/storage/manifest-record.js";
import { assertObjectKey } from "../../../storage/object-key.js";
import { randomContent } from "../../integration/registry/support/content.js";

/** Its result, or undefined when it refuses; anything but a BerthError is a fault. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof BerthError, String(error));
    return undefined;
  }
}

const number = fc.oneof(fc.nat(3000).map(String), fc.constantFrom("", "9".repeat(30), "-1", "0x1", " 1"));
const range = fc.tuple(number, number).map((ends) => ends.join("-"));

describe("registry's parsers", () => {
  it("give only parts that lie inside, for any Range", () => {
    const header = fc.oneof(
      fc.array(range, { maxLength: 5 }).map((ranges) => `bytes=${ranges.join(",")}`),
      fc.string(),
    );
    fc.assert(
      fc.property(header, fc.nat(2000), (text, size) => {
        for (const { start, length } of attempt(() => parseByteRanges(text, size)) ?? []) {
          assert.ok(start >= 0 && length > 0 && start + length <= size, `${String(start)} ${String(length)}`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("give a start and a length of at least a byte, for any Content-Range", () => {
    fc.assert(
      fc.property(fc.oneof(range, fc.string()), (text) => {
        const parsed = attempt(() => parseUploadRange(text));
        if (parsed) assert.ok(Number.isSafeInteger(parsed.start) && parsed.length >= 1);
      }),
      { numRuns: 2000 },
    );
  });

  it("take names and tags whose keys stay inside the store and lead back to them", () => {
    const alphabet = fc.constantFrom(..."aZ0._-/!%\\\u0000é: ".split(""));
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), fc.array(alphabet, { maxLength: 6 }), (letters, more) => {
        const [name, tag] = [letters.join(""), more.join("")];
        if (!isRepositoryName(name)) return;
        assert.equal(repositoryOfPrefix(`${keys.repository(name)}/`), name);
        assertObjectKey(keys.repository(name));
        if (isTag(tag)) assertObjectKey(keys.tag(name, tag));
      }),
      { numRuns: 5000 },
    );
  });

  it("read a link back from its key, also one to another registry's tree", () => {
    const { digest } = randomContent(10, "sha512");
    for (const data of ["0b7c8a52-7d1e-4f6e-8a44-2b7f0a6a9a11", "docker/registry/v2/blobs/sha256/ab/abcd/data"]) {
      const key = keys.blobLink("a/b", digest, data, 42);
      assertObjectKey(key);
      assert.deepEqual(blobLinkOfKey(key), { digest, data, size: 42 });
    }
  });

  it("take any document for a manifest or refuse it", () => {
    const document = fc.oneof(fc.json({ maxDepth: 6 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(document, fc.option(fc.string(), { nil: undefined }), (text, type) => {
        attempt(() => receiveManifest(Buffer.from(text), type));
      }),
      { numRuns: 2000 },
    );
  });

  it("take documents that are very deep or very wide, in little time", () => {
    const descriptor = `{"mediaType":"a/b","digest":"sha256:${"a".repeat(64)}","size":1}`;
    const documents = [
      `{"mediaType":"a/b","x":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`,
      `{"mediaType":"a/b",${'"x":{'.repeat(400_000)}"y":1${"}".repeat(400_001)}`,
      `{"schemaVersion":2,"manifests":[${Array.from({ length: 30_000 }, () => descriptor).join(",")}]}`,
      `{"mediaType":"a/b","annotations":{${Array.from({ length: 200_000 }, (_, i) => `"${String(i)}":""`).join(",")}}}`,
      `{"__proto__":{"mediaType":"a/b"},"constructor":1,"mediaType":"a/b"}`,
    ];
    for (const text of documents) {
      const started = performance.now();
      attempt(() => receiveManifest(Buffer.from(text), undefined));
      assert.ok(performance.now() - started < 60_000);
    }
  });
});
