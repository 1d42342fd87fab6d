import { BerthError } from "../../oci/errors.js";

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `64m`, `1.5g`, `512kb`, `1GiB` in powers of 1024, as Docker reads them. @throws BerthError USAGE naming `flag` */
export function parseByteSize(text: string, flag: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?) ?([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.trunc(Number(amount) * (UNITS[unit.toLowerCase()] ?? NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new BerthError("USAGE", `invalid ${flag} ${JSON.stringify(text)}: write a size such as 64m or 1g`);
  }
  return bytes;
}

/** @throws BerthError USAGE naming `flag` */
export function parseInteger(text: string, flag: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new BerthError("USAGE", `invalid ${flag} ${JSON.stringify(text)}: write a whole number`);
  }
  return value;
}

/** `1.5` CPUs as 1500000000; 0, as in Docker, for no limit. @throws BerthError USAGE */
export function parseNanoCpus(text: string): number {
  const cpus = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
  const nano = Math.round(cpus * 1e9);
  if (!Number.isSafeInteger(nano) || nano < 0) {
    throw new BerthError("USAGE", `invalid --cpus ${JSON.stringify(text)}: write a number such as 0.5`);
  }
  return nano;
}
