import { BerthError } from "../oci/errors.js";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 };
const MAX_MS = 3650 * 24 * 3600_000;

/** `90m`, `24h`, `1h30m`, `7d`, or `0`, in milliseconds. @throws BerthError USAGE */
export function parseDuration(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d{1,9})([smhd])/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  const ms = parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (UNITS_MS[unit] ?? 0), 0);
  if (text === "0") return 0;
  if (isWhole && ms <= MAX_MS) return ms;
  throw new BerthError("USAGE", `${flag} ${JSON.stringify(text.slice(0, 40))} is no duration such as 30m, 24h or 7d`);
}
