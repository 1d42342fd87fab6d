import type { Command } from "commander";

import { parseSignal, type StopOptions } from "../../engine/index.js";
import { parseInteger } from "./byte-size.js";

export interface StopFlags {
  readonly time?: string;
  readonly signal?: string;
}

/** How a container is stopped: of `stop` and `restart`. */
export function addStopFlags(command: Command): Command {
  return command
    .option("-t, --time <seconds>", "from the stop signal to KILL (default: the container's, or 10)")
    .option("-s, --signal <signal>", "instead of the container's stop signal");
}

/** @throws BerthError USAGE */
export function stopOptionsOf({ time, signal }: StopFlags): StopOptions {
  return {
    ...(time !== undefined && { graceSeconds: parseInteger(time, "--time") }),
    ...(signal !== undefined && { signal: parseSignal(signal) }),
  };
}
