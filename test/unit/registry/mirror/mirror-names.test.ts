import assert from "node:assert/strict";

import { BerthError } from "../../../../oci/errors.js";
import type { UpstreamSettings } from "../../../../registry/config/mirrors-section.js";
import { MirrorNames } from "../../../../registry/mirror/mirror-names.js";
import { mirrorSettings } from "../../../integration/registry/mirror/support/mirror-rig.js";

const SETTINGS = mirrorSettings({
  upstreams: [
    { name: "hub", url: "https://registry-1.docker.io", default: true },
    { name: "ghcr", url: "https://ghcr.io" },
    { name: "deep", url: "https://quay.io", prefix: "ghcr/quay" },
  ],
  local: ["team/**"],
});

function find(name: string, namespace?: string): string {
  const upstreams = SETTINGS.upstreams.map((settings: UpstreamSettings) => ({ settings }));
  const found = new MirrorNames(upstreams, SETTINGS.local).find(name, namespace, ["own:5000"]);
  if (found === undefined) return "own";
  const { upstream, repository, local, stored } = found;
  return [upstream.settings.name, repository, local, stored].join(" ");
}

describe("names of mirrored repositories", () => {
  for (const [name, namespace, expected] of [
    ["ghcr/owner/app", undefined, "ghcr owner/app ghcr/owner/app _ghcr/owner/app"],
    ["ghcr/quay/app", undefined, "deep app ghcr/quay/app _deep/app"],
    ["hub/library/debian", undefined, "hub library/debian hub/library/debian _hub/library/debian"],
    ["hub/debian", undefined, "hub library/debian hub/debian _hub/library/debian"],
    // A default upstream's rules of access are those of the name that the client asks for.
    ["library/debian", undefined, "hub library/debian library/debian _hub/library/debian"],
    ["library/debian", "docker.io", "hub library/debian hub/library/debian _hub/library/debian"],
    ["owner/app", "ghcr.io", "ghcr owner/app ghcr/owner/app _ghcr/owner/app"],
    // What a prefix would mean is not looked at where the client names the registry.
    ["ghcr/owner", "quay.io", "deep ghcr/owner ghcr/quay/ghcr/owner _deep/ghcr/owner"],
    ["team/app", undefined, "own"],
    ["team/app", "own:5000", "own"],
    ["team/app", "ghcr.io", "ghcr team/app ghcr/team/app _ghcr/team/app"],
  ] as const) {
    it(`takes ${name}${namespace === undefined ? "" : ` with ns=${namespace}`} as ${expected}`, () => {
      assert.equal(find(name, namespace), expected);
    });
  }

  for (const [name, namespace, code] of [
    ["library/debian", "example.com", "NAME_UNKNOWN"],
    ["library/debian", "DOCKER.IO", "NAME_UNKNOWN"],
    [`a${"/a".repeat(126)}`, "ghcr.io", "NAME_INVALID"],
  ] as const) {
    it(`refuses ${name.slice(0, 20)} with ns=${namespace} as ${code}`, () => {
      assert.throws(
        () => find(name, namespace),
        (error) => error instanceof BerthError && error.code === code,
      );
    });
  }
});

describe("the configuration of mirrors", () => {
  const one = { name: "up", url: "https://example.com" };

  it("has a prefix and a namespace by itself", () => {
    const [hub, ghcr] = SETTINGS.upstreams;
    assert.deepEqual([hub?.prefix, hub?.namespaces], ["hub", ["docker.io"]]);
    assert.deepEqual([ghcr?.prefix, ghcr?.namespaces], ["ghcr", ["ghcr.io"]]);
  });

  for (const [what, upstreams] of [
    ["plain HTTP beyond this host", [{ ...one, url: "http://example.com" }]],
    ["another protocol", [{ ...one, url: "file:///etc/passwd" }]],
    ["a URL with a password", [{ ...one, url: "https://me:secret@example.com" }]],
    ["a name that is none of a repository", [{ ...one, name: "_up" }]],
    ["two upstreams of one name", [one, { ...one, prefix: "x", namespaces: ["x"] }]],
    ["two upstreams of one prefix", [one, { ...one, name: "x", prefix: "up", namespaces: ["x"] }]],
    ["two upstreams of one namespace", [one, { ...one, name: "x" }]],
    [
      "two defaults",
      [
        { ...one, default: true },
        { name: "x", url: "https://x", default: true },
      ],
    ],
    ["a user without a password", [{ ...one, username: "me" }]],
    ["a password twice", [{ ...one, username: "me", password: "x", passwordFile: "/x" }]],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => mirrorSettings({ upstreams }));
    });
  }

  it("takes plain HTTP on this host, and elsewhere when asked to", () => {
    for (const upstream of [
      { ...one, url: "http://127.0.0.1:5000" },
      { ...one, url: "http://localhost" },
      { ...one, url: "http://registry:5000", insecure: true },
    ]) {
      assert.equal(mirrorSettings({ upstreams: [upstream] }).upstreams.length, 1);
    }
  });
});
