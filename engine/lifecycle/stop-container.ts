import { setTimeout as sleep } from "node:timers/promises";

import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { parseStopSignal } from "../spec/signals.js";
import { findContainer } from "../list-containers.js";
import { killUnlessEnded } from "./kill-container.js";
import { thawUnlessEnded } from "./pause-container.js";
import { waitContainer } from "./wait-container.js";

const DEFAULT_GRACE_SECONDS = 10;
const SIGKILL = 9;

export interface StopOptions {
  /** Seconds until KILL; -1: none. Absent: the container's own, or 10. */
  readonly graceSeconds?: number;
  readonly signal?: number;
}

/** The stop signal, then KILL after the grace. Resolves when it has ended; one that does not run is left alone. */
export async function stopContainer(engine: Engine, id: string, options: StopOptions): Promise<void> {
  const { record, state } = findContainer(engine, id);
  if (!isRunning(state)) return;
  const signal = options.signal ?? parseStopSignal(record.Config.StopSignal);
  const grace = options.graceSeconds ?? record.Config.StopTimeout ?? DEFAULT_GRACE_SECONDS;
  await killUnlessEnded(engine, id, signal);
  if (state.Status === "paused") await thawUnlessEnded(engine, id);
  if (await endsWithin(engine, id, grace)) return;
  await killUnlessEnded(engine, id, SIGKILL);
  await waitContainer(engine, id);
}

async function endsWithin(engine: Engine, id: string, seconds: number): Promise<boolean> {
  if (seconds < 0) {
    await waitContainer(engine, id);
    return true;
  }
  const done = new AbortController();
  const ended = waitContainer(engine, id, done.signal).then(
    () => true,
    () => false,
  );
  const late = sleep(seconds * 1000, false, { signal: done.signal }).catch(() => false);
  const result = await Promise.race([ended, late]);
  done.abort();
  return result;
}
