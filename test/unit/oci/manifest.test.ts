import assert from "node:assert/strict";

import { parseImageConfig } from "../../../oci/image-config.js";
import { digestOf } from "../../../oci/digest.js";
import { parseManifest } from "../../../oci/manifest.js";
import { MediaType } from "../../../oci/media-types.js";

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const descriptor = { mediaType: MediaType.ociConfig, digest: digestOf("{}"), size: 2 };
const image = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: descriptor, layers: [] };

describe("manifests", () => {
  it("are told apart by media type, and by shape where there is none", () => {
    assert.equal(parseManifest(bytes(image)).kind, "manifest");
    assert.equal(parseManifest(bytes({ schemaVersion: 2, manifests: [] })).kind, "index");
    assert.equal(parseManifest(bytes({ any: 1 }), "application/vnd.example+json").kind, "unknown");
  });

  it("keep the subject and artifactType of media types that are not known", () => {
    const manifest = parseManifest(bytes({ subject: descriptor, artifactType: "a/b" }), "application/vnd.example+json");
    assert.equal(manifest.subject?.digest, descriptor.digest);
    assert.equal(manifest.artifactType, "a/b");
  });

  const refused: [string, unknown, string?][] = [
    ["that can be read as image and index (CVE-2021-41190)", { ...image, manifests: [] }],
    ["whose mediaType differs from the Content-Type", image, MediaType.dockerManifest],
    ["of schema 1", { ...image, schemaVersion: 1 }],
    ["with a negative size", { ...image, config: { ...descriptor, size: -1 } }],
    ["with a malformed digest", { ...image, config: { ...descriptor, digest: "sha256:../../x" } }],
    ["without layers", { ...image, layers: undefined }],
    ["that are a list", []],
  ];
  for (const [what, value, mediaType] of refused) {
    it(`${what} are refused`, () => {
      assert.throws(() => parseManifest(bytes(value), mediaType), { code: "MANIFEST_INVALID" });
    });
  }

  it("that are not UTF-8 JSON are refused", () => {
    assert.throws(() => parseManifest(Buffer.from([0x7b, 0xff])), { code: "MANIFEST_INVALID" });
  });
});

describe("image configs", () => {
  it("without a list of DiffIDs are refused", () => {
    for (const value of [null, {}, { rootfs: { type: "layers" } }, { rootfs: { type: "layers", diff_ids: ["x"] } }]) {
      assert.throws(() => parseImageConfig(bytes(value)), { code: "CONFIG_INVALID" });
    }
  });
});
