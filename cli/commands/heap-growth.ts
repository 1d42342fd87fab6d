import { setFlagsFromString } from "node:v8";

/**
 * After a pause V8 lets the heap grow by a tenth before it collects all of it again, and what counts as growth are the buffers
 * of request bodies too, until the next scavenge (32 MiB): a push of 1 GB made it collect everything thirty times, a quarter
 * of the push's CPU time. With a heap of 12 MiB that may become five times as large a scavenge always comes first.
 */
const PERCENT = 400;

/** V8 looks at this whenever a collection ends. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${String(PERCENT)}`);
}
