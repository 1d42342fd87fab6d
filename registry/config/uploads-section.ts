import * as v from "valibot";

import { byteSize, count } from "./values.js";

const limit = v.optional(
  v.strictObject({
    count: v.optional(count(1), 1000),
    /** Received and not committed. */
    bytes: v.optional(byteSize, "1TiB"),
  }),
  {},
);

/** `uploads`: what clients may begin and not commit. Each process counts what it has begun or gone on with. */
export const uploadsSection = v.optional(
  v.strictObject({
    /** What nobody has gone on with for so long is cancelled. */
    expireAfterHours: v.optional(count(1), 24),
    perRepository: limit,
    /** Of a user, or of an address from which nobody has logged in. */
    perClient: limit,
  }),
  {},
);

export type UncommittedLimits = Pick<v.InferOutput<typeof uploadsSection>, "perRepository" | "perClient">;
