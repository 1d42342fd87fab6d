import { setTimeout as sleep } from "node:timers/promises";

import { BerthError } from "../../oci/errors.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { currentState } from "../lifecycle/current-state.js";
import { parseLogLine, type LogEntry } from "./json-log.js";
import type { GrowingFile } from "./log-file.js";
import { openRotatedLog } from "./rotated-log.js";

const POLL_MS = 100;

export interface LogOptions {
  /** Go on until the container has ended. */
  readonly follow: boolean;
  /** Number of last lines; absent: all. */
  readonly tail?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  readonly signal?: AbortSignal;
}

/** What the container has written, oldest first. @throws BerthError CONTAINER_UNKNOWN, UNSUPPORTED without a log */
export async function* containerLogs(engine: Engine, id: string, options: LogOptions): AsyncGenerator<LogEntry> {
  const { record } = engine.containers.require(id);
  if (record.HostConfig.LogConfig.Type === "none") {
    throw new BerthError("UNSUPPORTED", `container ${record.Name} keeps no log: it was made with --log-driver none`);
  }
  const path = engine.paths.of(id).log;
  const files = await openRotatedLog(path, { tail: options.tail });
  try {
    for (;;) {
      // Asked before reading, so that what was written until the end is read.
      const goesOn = options.follow && runs(engine, id);
      for (const file of files) yield* entries(file, options);
      if (!goesOn || options.signal?.aborted) return;
      for (const older of files.splice(0, files.length - 1)) await older.close();
      await sleep(POLL_MS);
      files.push(...(await openRotatedLog(path, { after: await files[0]?.inode() })));
    }
  } finally {
    for (const file of files) await file.close();
  }
}

async function* entries(file: GrowingFile, { since, until }: LogOptions): AsyncGenerator<LogEntry> {
  for await (const line of file.lines()) {
    const entry = parseLogLine(line);
    if (entry === undefined) continue;
    const time = since === undefined && until === undefined ? 0 : Date.parse(entry.time);
    if ((since === undefined || time >= since) && (until === undefined || time <= until)) yield entry;
  }
}

function runs(engine: Engine, id: string): boolean {
  const container = engine.containers.load(id);
  return container !== undefined && isRunning(currentState(engine, container).state);
}
