import process from "node:process";

/** Enough for a disk's journal to take the syncs of many pushes in one go; node's own default is 4. */
const THREADS = 16;

/**
 * File operations, syncs above all, wait in threads. Takes effect only before the first asynchronous file operation of the
 * process, which makes the pool.
 */
export function enlargeThreadPool(): void {
  process.env["UV_THREADPOOL_SIZE"] ??= String(THREADS);
}
