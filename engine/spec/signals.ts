import { constants } from "node:os";

import { BerthError } from "../../oci/errors.js";

const MAX_SIGNAL = 64;

/** `TERM`, `SIGTERM`, `sigterm` or a number. @throws BerthError USAGE */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number > 0 && number <= MAX_SIGNAL) return number;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  const number = (constants.signals as Readonly<Record<string, number>>)[name];
  if (number !== undefined) return number;
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  // glibc's SIGRTMIN.
  if (realTime && Number(realTime[1] ?? 0) <= 30) return 34 + Number(realTime[1] ?? 0);
  throw new BerthError("USAGE", `unknown signal ${JSON.stringify(text)}`);
}

/** As parseSignal; what stops a container by default is TERM. */
export function parseStopSignal(text: string | undefined): number {
  return parseSignal(text === undefined || text === "" ? "TERM" : text);
}
