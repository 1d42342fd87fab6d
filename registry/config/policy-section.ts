import * as v from "valibot";

import { byteSize, count, flag, pattern } from "./values.js";

const patterns = (message: string): v.GenericSchema<string[]> =>
  v.pipe(v.array(pattern, "is not a list of patterns"), v.minLength(1, message));

const retention = v.pipe(
  v.strictObject({
    /** Of each repository the tags that were pushed last. */
    keepLast: v.optional(count(0)),
    /** Tags that always stay. */
    keepTags: v.optional(patterns("is empty")),
    /** Only tags older than that go. */
    olderThanDays: v.optional(count(0)),
    /** Manifests that no tag, no index and no kept referrer names, and that are older than that, go. */
    untaggedOlderThanDays: v.optional(count(0)),
  }),
  // Else an innocent `keepTags` would delete every other tag.
  v.check(
    ({ keepLast, olderThanDays, untaggedOlderThanDays }) =>
      keepLast !== undefined || olderThanDays !== undefined || untaggedOlderThanDays !== undefined,
    "says of nothing when it goes: keepLast, olderThanDays or untaggedOlderThanDays is needed",
  ),
);

const quota = v.pipe(
  v.strictObject({
    /** Of the blobs that a repository may serve, each counted once. */
    bytes: v.optional(byteSize),
    tags: v.optional(count(0)),
    /** Whether each repository has the quota for itself, or all that match have it together. */
    scope: v.optional(v.picklist(["repository", "together"], "is neither repository nor together"), "repository"),
  }),
  v.check(({ bytes, tags }) => bytes !== undefined || tags !== undefined, "limits nothing: bytes or tags is needed"),
);

/** `policies`: every rule whose patterns match a repository applies to it; of several `retention`s the first. */
export const policySection = v.optional(
  v.array(
    v.strictObject({
      /** `*` stands for characters within a component of the name, `**` for any. */
      repositories: patterns("names no repository"),
      immutableTags: v.optional(patterns("is empty")),
      quota: v.optional(quota),
      retention: v.optional(retention),
    }),
    "is not a list of rules",
  ),
  [],
);

export type PolicyRule = v.InferOutput<typeof policySection>[number];
export type RetentionRule = NonNullable<PolicyRule["retention"]>;
export type QuotaRule = NonNullable<PolicyRule["quota"]>;

/** `retention`: when the rules' retention is carried out by a serving registry. */
export const retentionSection = v.optional(
  v.strictObject({
    enabled: v.optional(flag, true),
    everyHours: v.optional(count(1), 24),
  }),
  {},
);

const bucket = v.optional(
  v.strictObject({
    requestsPerSecond: v.pipe(v.number("is not a number"), v.minValue(0.001, "is below 0.001")),
    /** How many may come at once; default ten seconds' worth. */
    burst: v.optional(count(1)),
  }),
);

/** `limits.rate`: token buckets, in each process. */
export const rateSection = v.optional(
  v.strictObject({
    /** Of an IPv4 address, or of an IPv6 /64. */
    perAddress: bucket,
    /** Of a user who has logged in. */
    perUser: bucket,
  }),
  {},
);

export type RateLimits = v.InferOutput<typeof rateSection>;
