import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again; gives way to the test's own time limit in between. @throws Error when it has not come true in time */
export async function waitUntil(what: string, isTrue: () => boolean, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(`waited ${String(timeoutMs)} ms in vain: ${what}`);
    await sleep(10);
  }
}
