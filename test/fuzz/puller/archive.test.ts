import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { isBerthError } from "../../../oci/errors.js";
import { openArchive } from "../../../puller/archive/open-archive.js";
import { layoutFiles, smallImage, tarOf } from "../../helpers/small-image.js";

describe("openArchive", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-fuzz-"));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  const opens = async (bytes: Uint8Array): Promise<void> => {
    const file = join(directory, "archive");
    writeFileSync(file, bytes);
    try {
      await (await openArchive(file)).close();
    } catch (error) {
      assert.ok(isBerthError(error), String(error));
    }
  };

  it("gives nothing but its own errors for an archive with changed bytes", async () => {
    const image = await smallImage([[{ name: "a", content: "b" }]]);
    const whole = await tarOf(layoutFiles(image, "v1").map(([name, content]) => ({ name, content })));
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(whole.length), async (changes, cut) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await opens(cut % 3 === 0 ? bytes.subarray(0, cut) : bytes);
      }),
      { numRuns: 200 },
    );
  });

  it("gives nothing but its own errors for any JSON where a manifest belongs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.constantFrom("index.json", "manifest.json"), async (text, name) => {
        const files = [{ name, content: text }];
        await opens(await tarOf(name === "index.json" ? [...files, { name: "oci-layout", content: "{}" }] : files));
      }),
      { numRuns: 150 },
    );
  });
});
