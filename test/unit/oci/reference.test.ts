import assert from "node:assert/strict";

import fc from "fast-check";

import { familiarReference, formatReference, isRepositoryName, parseReference } from "../../../oci/reference.js";

const HEX = "a".repeat(64);

describe("image references", () => {
  const wholeForms: [string, string][] = [
    ["ubuntu", "docker.io/library/ubuntu:latest"],
    ["ubuntu:24.04", "docker.io/library/ubuntu:24.04"],
    ["grafana/grafana", "docker.io/grafana/grafana:latest"],
    ["docker.io/ubuntu", "docker.io/library/ubuntu:latest"],
    ["index.docker.io/library/ubuntu", "docker.io/library/ubuntu:latest"],
    ["localhost/app", "localhost/app:latest"],
    ["127.0.0.1:5000/debian:12", "127.0.0.1:5000/debian:12"],
    ["[::1]:5000/debian", "[::1]:5000/debian:latest"],
    ["ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"],
    [`ghcr.io/a/b@sha256:${HEX}`, `ghcr.io/a/b@sha256:${HEX}`],
    [`ghcr.io/a/b:v1@sha256:${HEX}`, `ghcr.io/a/b:v1@sha256:${HEX}`],
  ];
  for (const [text, whole] of wholeForms) {
    it(`${text} means ${whole}`, () => {
      assert.equal(formatReference(parseReference(text)), whole);
    });
  }

  const refused = [
    "",
    ":tag",
    "UPPER",
    "a//b",
    "a/../b",
    "a/",
    "/a",
    "a:",
    "a:tag:tag",
    "a@sha256:123",
    "host:70000000/a",
    "host:65536/a",
    `a:${"t".repeat(129)}`,
    "a b",
    "a/b\n",
    "a".repeat(300),
    "-a",
    "a._b",
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseReference(text), { code: "REFERENCE_INVALID" });
    });
  }

  it("shows Docker Hub's images in their short form", () => {
    assert.equal(familiarReference(parseReference("docker.io/library/ubuntu:22.04")), "ubuntu:22.04");
    assert.equal(familiarReference(parseReference("docker.io/grafana/grafana")), "grafana/grafana:latest");
  });

  it("of any text either fail in one way or read the same again from their whole form", () => {
    const alphabet = fc.constantFrom("a", "B", "1", ".", "-", "_", "/", ":", "@", "localhost", "sha256:", "..", " ");
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), (parts) => {
        try {
          const reference = parseReference(parts.join(""));
          assert.deepEqual(parseReference(formatReference(reference)), reference);
          assert.ok(isRepositoryName(reference.repository));
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, "REFERENCE_INVALID");
        }
      }),
    );
  });
});
