import assert from "node:assert/strict";

import { digestOf, type Digest } from "../../../../oci/digest.js";
import { MediaType } from "../../../../oci/media-types.js";
import type { PolicyRule, RetentionRule } from "../../../../registry/config/policy-section.js";
import { Policies } from "../../../../registry/policy/policies.js";
import { planRetention, type RetentionPlan, type TagState } from "../../../../registry/policy/retention-plan.js";
import type { ManifestRecord } from "../../../../registry/storage/manifest-record.js";

const DAY = 24 * 3600_000;
const NOW = 1000 * DAY;

interface Described {
  readonly name: string;
  readonly daysOld: number;
  readonly refs?: readonly string[];
  readonly subject?: string;
}

const digestNamed = (name: string): Digest => digestOf(Buffer.from(name), "sha256");

function manifestsOf(described: readonly Described[]): ReadonlyMap<Digest, ManifestRecord> {
  return new Map(
    described.map(({ name, daysOld, refs = [], subject }) => [
      digestNamed(name),
      {
        state: "live",
        mediaType: MediaType.ociManifest,
        data: name,
        size: 1,
        refs: refs.map(digestNamed),
        ...(subject !== undefined && { subject: digestNamed(subject) }),
        at: NOW - daysOld * DAY,
      },
    ]),
  );
}

const tagged = (tag: string, name: string, daysOld: number): TagState => ({
  tag,
  digest: digestNamed(name),
  pushedAt: NOW - daysOld * DAY,
});

function plan(
  retention: RetentionRule | undefined,
  tags: readonly TagState[],
  manifests: readonly Described[] = [],
  immutableTags?: string[],
): RetentionPlan {
  const rule: PolicyRule = {
    repositories: ["**"],
    ...(retention !== undefined && { retention }),
    ...(immutableTags !== undefined && { immutableTags }),
  };
  return planRetention(new Policies([rule]).of("a"), { tags, manifests: manifestsOf(manifests) }, NOW);
}

const going = ({ tags }: RetentionPlan): string[] => tags.filter(({ keep }) => !keep).map(({ tag }) => tag);
const goingManifests = ({ manifests }: RetentionPlan, names: readonly string[]): string[] =>
  names.filter((name) => manifests.some(({ digest, keep }) => digest === digestNamed(name) && !keep));

describe("retention", () => {
  const five = [1, 2, 3, 4, 5].map((days) => tagged(`t${String(days)}`, "m", days));

  it("without a rule keeps everything", () => {
    assert.deepEqual(going(plan(undefined, five)), []);
  });

  it("keeps the last that were pushed", () => {
    assert.deepEqual(going(plan({ keepLast: 2 }, five)), ["t3", "t4", "t5"]);
  });

  it("deletes by age alone, and by both only what both let go", () => {
    assert.deepEqual(going(plan({ olderThanDays: 3 }, five)), ["t4", "t5"]);
    assert.deepEqual(going(plan({ olderThanDays: 3, keepLast: 4 }, five)), ["t5"]);
    assert.deepEqual(going(plan({ olderThanDays: 4, keepLast: 1 }, five)), ["t5"]);
  });

  it("keeps tags by pattern, immutable ones, and neither counts towards the last", () => {
    const tags = [...five, tagged("v1", "m", 0), tagged("prod", "m", 900)];
    assert.deepEqual(going(plan({ keepLast: 1, keepTags: ["v*"] }, tags, [], ["prod"])), ["t2", "t3", "t4", "t5"]);
  });

  it("keeps a signature's tag for as long as what it is of is there", () => {
    const [alg, hex] = digestNamed("m").split(":");
    const tags = [tagged("t1", "m", 1), tagged(`${alg ?? ""}-${hex ?? ""}.sig`, "s", 900)];
    assert.deepEqual(going(plan({ keepLast: 1 }, tags, [{ name: "m", daysOld: 1 }])), []);
    assert.deepEqual(going(plan({ keepLast: 1 }, tags)), [`${alg ?? ""}-${hex ?? ""}.sig`]);
  });

  it("touches no manifest unless it is asked to", () => {
    assert.deepEqual(plan({ keepLast: 0 }, five, [{ name: "m", daysOld: 900 }]).manifests, []);
  });

  it("deletes old manifests that nothing names, and none that a kept index, its children or referrers need", () => {
    const manifests = [
      { name: "index", daysOld: 900, refs: ["nested", "amd64"] },
      { name: "nested", daysOld: 900, refs: ["arm64"] },
      { name: "amd64", daysOld: 900 },
      { name: "arm64", daysOld: 900 },
      { name: "signature of arm64", daysOld: 900, subject: "arm64" },
      { name: "signature of the signature", daysOld: 900, subject: "signature of arm64" },
      { name: "stray", daysOld: 900, refs: ["child of stray"] },
      { name: "child of stray", daysOld: 900 },
      { name: "young index", daysOld: 1, refs: ["child of young"] },
      { name: "child of young", daysOld: 900 },
      { name: "signature of nothing", daysOld: 900, subject: "gone" },
      { name: "signature of stray", daysOld: 900, subject: "stray" },
    ];
    const made = plan({ untaggedOlderThanDays: 7 }, [tagged("latest", "index", 900)], manifests);
    assert.deepEqual(going(made), []);
    const names = manifests.map(({ name }) => name);
    assert.deepEqual(goingManifests(made, names), [
      "stray",
      "child of stray",
      "signature of nothing",
      "signature of stray",
    ]);
  });

  it("takes what loses its tags in the same go", () => {
    const tags = [tagged("new", "a", 1), tagged("old", "b", 30)];
    const manifests = [
      { name: "a", daysOld: 30 },
      { name: "b", daysOld: 30 },
    ];
    const made = plan({ keepLast: 1, untaggedOlderThanDays: 7 }, tags, manifests);
    assert.deepEqual([going(made), goingManifests(made, ["a", "b"])], [["old"], ["b"]]);
  });
});
