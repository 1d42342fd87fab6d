import { availableParallelism } from "node:os";

import * as v from "valibot";

const MOST = 256;
const PROBLEM = `is neither auto nor a number from 1 to ${String(MOST)}`;

export const workers = v.optional(
  v.union(
    [v.literal("auto"), v.pipe(v.number(), v.safeInteger(PROBLEM), v.minValue(1, PROBLEM), v.maxValue(MOST, PROBLEM))],
    PROBLEM,
  ),
  1,
);

/** As many processes as the setting asks for. */
export function workerCount(setting: v.InferOutput<typeof workers>): number {
  return setting === "auto" ? availableParallelism() : setting;
}
