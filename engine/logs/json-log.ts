import { BerthError } from "../../oci/errors.js";

/** One entry of Docker's json-file format. */
export interface LogEntry {
  /** With its newline; a line longer than the shim's buffer comes in several entries. */
  readonly log: string;
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds, UTC: entries compare as text. */
  readonly time: string;
}

/** @returns undefined for a line that a crash cut short */
export function parseLogLine(line: string): LogEntry | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as Partial<LogEntry>;
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    return { log, stream: stream === "stderr" ? "stderr" : "stdout", time };
  } catch {
    return undefined;
  }
}

/**
 * `--since` and `--until`: RFC 3339 or a part of it, Unix seconds, or how long ago (`10m`, `1h30m`).
 * @returns milliseconds since the epoch
 * @throws BerthError USAGE
 */
export function parseLogTime(text: string, now: number): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return now - durationMs(text);
  const time = Date.parse(
    /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}${text.includes("T") ? "" : "T00:00:00"}Z`,
  );
  if (Number.isNaN(time)) {
    throw new BerthError(
      "USAGE",
      `invalid time ${JSON.stringify(text)}: write 2024-01-31T12:00:00Z, Unix seconds, or 10m`,
    );
  }
  return time;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNITS[unit ?? "s"] ?? 0);
  }
  return total;
}
