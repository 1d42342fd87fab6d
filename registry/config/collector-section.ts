import * as v from "valibot";

import { count, flag } from "./values.js";

/** `collector`: when a serving registry collects garbage, and what it takes for garbage. */
export const collectorSection = v.optional(
  v.strictObject({
    enabled: v.optional(flag, true),
    everyHours: v.optional(count(1), 24),
    /** What nothing names stays that long, because a client may be about to name it. Longer than any push takes. */
    graceHours: v.optional(count(2), 24),
    /** Collect manifests that no tag, index or subject keeps. */
    untagged: v.optional(flag, false),
    /** Those stay that long. */
    untaggedGraceHours: v.optional(count(2), 168),
  }),
  {},
);

export type CollectorSettings = v.InferOutput<typeof collectorSection>;
