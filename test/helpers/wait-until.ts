import { setTimeout as sleep } from "node:timers/promises";

/** Against hanging alone: many times what the slowest machine needs, and less than the tests' own time limit. */
const PATIENCE_MS = 240_000;
/** What is left is left for good after that. */
const LEAVING_MS = 120_000;
const PAUSE_MS = 10;

/** Asks again and again; gives way to the test's own time limit in between. @throws Error when it has not come true in time */
export async function waitUntil(what: string, isTrue: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`waited ${String(timeoutMs)} ms in vain: ${what}`);
    await sleep(PAUSE_MS);
  }
}

/** For what processes that have been told to end may still hold for a moment. @returns what is left for good; mostly nothing */
export async function inTheEnd(left: () => string[]): Promise<string[]> {
  const end = performance.now() + LEAVING_MS;
  let still = left();
  while (still.length > 0 && performance.now() < end) {
    await sleep(PAUSE_MS);
    still = left();
  }
  return still;
}
