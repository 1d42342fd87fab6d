import assert from "node:assert/strict";

import fc from "fast-check";

import { isBerthError } from "../../../oci/errors.js";
import { parseByteRanges } from "../../../registry/http/byte-range.js";
import { parseUploadRange, uploadedRange } from "../../../registry/http/upload-range.js";

describe("byte ranges", () => {
  it("lie within the object, or are refused, or are no ranges, whatever the header says", () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(2000), fc.nat(2000)).map(([first, last]) => `bytes=${String(first)}-${String(last)}`),
      fc.stringMatching(/^bytes=[0-9,\- ]{0,40}$/),
    );
    fc.assert(
      fc.property(header, fc.nat(1000), (text, size) => {
        try {
          for (const { start, length } of parseByteRanges(text, size) ?? []) {
            assert.ok(start >= 0 && length > 0 && start + length <= size);
          }
        } catch (error) {
          assert.ok(isBerthError(error, "RANGE_INVALID"), String(error));
        }
      }),
    );
  });

  it("are ignored when there are absurdly many", () => {
    assert.equal(parseByteRanges(`bytes=${Array.from({ length: 17 }, () => "0-0").join(",")}`, 10), undefined);
  });

  it("drop what lies outside as long as something lies inside", () => {
    assert.deepEqual(parseByteRanges("bytes=100-200,1-2", 10), [{ start: 1, length: 2 }]);
  });
});

describe("upload ranges", () => {
  it("are two numbers in order, with or without a unit and a size", () => {
    for (const text of ["0-9", "bytes 0-9", "bytes=0-9", "bytes 0-9/10", "bytes 0-9/*"]) {
      assert.deepEqual(parseUploadRange(text), { start: 0, length: 10 });
    }
    for (const text of ["", "9-0", "-9", "0-", "a-b", "0-9-10", "1e3-2e3", `0-${"9".repeat(16)}`]) {
      assert.throws(
        () => parseUploadRange(text),
        (error) => isBerthError(error, "BLOB_UPLOAD_INVALID"),
        text,
      );
    }
  });

  it("say 0-0 of nothing, as clients expect", () => {
    assert.deepEqual([0, 1, 2].map(uploadedRange), ["0-0", "0-0", "0-1"]);
  });
});
