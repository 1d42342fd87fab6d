import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../../../../oci/digest.js";
import { MediaType } from "../../../../oci/media-types.js";
import { BerthHost } from "../../../helpers/berth-host.js";
import { descriptorOf, documentOf, imageIn, putManifest, type Described } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

const DAY_SECONDS = 24 * 3600;

describe("retention of a registry that serves", () => {
  const host = new BerthHost();
  let registry: TestRegistry;
  let config: string;

  before(() => {
    config = join(host.directory, "registry.yaml");
  });

  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  beforeEach(async () => {
    registry = await TestRegistry.start();
  });

  afterEach(async () => {
    await registry.stop();
  });

  const retention = (...flags: string[]): string[] =>
    host.run("registry", "retention", "--config", config, "--root", registry.directory, ...flags).split("\n");

  const pushed = async (name: string, tag: string, daysAgo: number, made?: Described): Promise<Described> => {
    const image = made ?? (await imageIn(registry, name));
    await putManifest(registry, name, tag, image);
    const seconds = Date.now() / 1000 - daysAgo * DAY_SECONDS;
    utimesSync(join(registry.directory, "repos", name.replaceAll("/", "!"), "tags", tag), seconds, seconds);
    return image;
  };

  const tagsOf = async (name: string): Promise<string[]> => {
    const answer = await registry.expect(200, "GET", `/v2/${name}/tags/list`);
    return ((await answer.json()) as { tags: string[] }).tags;
  };

  it("does what a dry run said, keeps what a policy protects, and explains each tag", async () => {
    writeFileSync(
      config,
      `policies:
  - repositories: ["team/*"]
    immutableTags: ["v*"]
    quota: { tags: 100 }
    retention: { keepLast: 2, keepTags: ["prod"], untaggedOlderThanDays: 0 }
  - repositories: ["**"]
    retention: { olderThanDays: 400 }
`,
    );
    const old = await pushed("team/a", "b1", 9);
    for (const [tag, days] of Object.entries({ b2: 8, b3: 7, b4: 6, v1: 100, prod: 300 }))
      await pushed("team/a", tag, days);
    const child = await imageIn(registry, "team/a");
    await putManifest(registry, "team/a", child.digest, child);
    await pushed("team/a", "b5", 5, documentOf(MediaType.ociIndex, { manifests: [descriptorOf(child)] }));
    await pushed("elsewhere", "x", 300);

    const explained = host.run(
      "registry",
      "policy",
      "explain",
      "team/a",
      "--config",
      config,
      "--root",
      registry.directory,
    );
    for (const line of [
      "policies.0 applies to team/a (team/*)",
      "policies.1 applies to team/a (**)",
      '  retention: {"olderThanDays":400} (not used: an earlier rule has one)',
      "7 of 100 tags are used by this repository",
      "  b5: stays, because it is among the last 2",
      "  b3: goes, because it is beyond the last 2",
      "  v1 (immutable): stays, because it is immutable",
      "  prod: stays, because keepTags names it",
    ]) {
      assert.ok(explained.split("\n").includes(line), `${line} in:\n${explained}`);
    }

    const foretold = retention("--dry-run");
    assert.deepEqual(
      foretold.slice(0, 3),
      ["b3", "b2", "b1"].map((tag) => `team/a:${tag}: it is beyond the last 2`),
    );
    assert.equal((await tagsOf("team/a")).length, 7);

    const done = retention();
    assert.deepEqual(done.slice(0, -1), foretold.slice(0, -1));
    assert.equal(foretold.at(-1), "3 tags and 3 manifests would be deleted");
    assert.match(done.at(-1) ?? "", /^3 tags and 3 manifests deleted/);
    assert.deepEqual(await tagsOf("team/a"), ["b4", "b5", "prod", "v1"]);
    assert.deepEqual(await tagsOf("elsewhere"), ["x"]);
    await registry.expect(404, "HEAD", `/v2/team/a/manifests/${old.digest}`);
    await registry.expect(200, "HEAD", `/v2/team/a/manifests/${child.digest}`);
    assert.equal(retention("--dry-run").join("\n"), "0 tags and 0 manifests would be deleted");
  });

  it("keeps the referrers of what stays, and the tags that hold them where there is no referrers API", async () => {
    writeFileSync(
      config,
      `policies: [{ repositories: ["a"], retention: { keepLast: 1, untaggedOlderThanDays: 0 } }]\n`,
    );
    const image = await pushed("a", "latest", 1);
    const signature = await imageIn(registry, "a", { subject: descriptorOf(image) });
    await putManifest(registry, "a", signature.digest, signature);
    const attached = await imageIn(registry, "a");
    await pushed("a", `${image.digest.replace(":", "-")}.sig`, 300, attached);
    await pushed("a", `${digestOf(Buffer.from("gone"), "sha256").replace(":", "-")}.sig`, 300, attached);
    retention();
    assert.deepEqual(await tagsOf("a"), ["latest", `${image.digest.replace(":", "-")}.sig`].sort());
    await registry.expect(200, "GET", `/v2/a/manifests/${signature.digest}`);
  });
});
