import { watch } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { errnoOf } from "../../oci/errors.js";
import { isRunning, type ContainerState } from "../container-record.js";
import type { Engine } from "../engine.js";
import { currentState } from "./current-state.js";
import { exitFileOf } from "./exit-record.js";

/** A shim that was killed writes nothing that could be watched for. */
const LOOK_AGAIN_MS = 250;

/**
 * Resolves when the container does not run any more, with its last state; undefined when it was removed meanwhile.
 * @param signal ends the waiting; the promise then rejects with its reason
 */
export async function waitContainer(
  engine: Engine,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerState | undefined> {
  for (;;) {
    const container = engine.containers.load(id);
    if (container === undefined) return undefined;
    const { state } = currentState(engine, container);
    if (!isRunning(state)) return state;
    await nextChange(dirname(exitFileOf(engine, container.record)), signal);
  }
}

/** Something happened in the directory, or a moment has passed. */
async function nextChange(directory: string, signal: AbortSignal | undefined): Promise<void> {
  const changed = new AbortController();
  const stop = signal === undefined ? changed.signal : AbortSignal.any([signal, changed.signal]);
  let watcher;
  try {
    watcher = watch(directory, { persistent: false, signal: stop });
    watcher.on("change", () => {
      changed.abort();
    });
    watcher.on("error", () => {
      changed.abort();
    });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  try {
    await sleep(LOOK_AGAIN_MS, undefined, { signal: stop });
  } catch {
    signal?.throwIfAborted();
  } finally {
    watcher?.close();
  }
}
