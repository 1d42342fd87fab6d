import { BerthError } from "../../oci/errors.js";
import type { ByteSpan } from "../../storage/object-store.js";

/** More than this many ranges in one request are not worth their bookkeeping: the whole is sent, as RFC 9110 14.2 allows. */
const MAX_RANGES = 16;

/**
 * The parts that a Range header asks for, in its order; undefined when it is to be ignored (RFC 9110, 14.2: another unit,
 * or not a range at all).
 * @throws BerthError RANGE_INVALID when none of them lies in `size` bytes, and for `500-0`, which the conformance suite of
 *   the distribution-spec wants refused
 */
export function parseByteRanges(header: string, size: number): readonly ByteSpan[] | undefined {
  const [, list] = /^bytes=(.*)$/i.exec(header.trim()) ?? [];
  if (list === undefined) return undefined;
  const items = list.split(",").map((item) => item.trim());
  if (items.length > MAX_RANGES) return undefined;
  const spans: ByteSpan[] = [];
  for (const item of items) {
    const [, first, last] = /^(\d*)-(\d*)$/.exec(item) ?? [];
    if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
    const span = first === "" ? suffix(Number(last), size) : between(Number(first), last, size);
    if (span !== undefined) spans.push(span);
  }
  if (spans.length === 0) throw outOfRange(size);
  return spans;
}

function suffix(length: number, size: number): ByteSpan | undefined {
  const start = Math.max(0, size - length);
  return start === size ? undefined : { start, length: size - start };
}

function between(start: number, last: string, size: number): ByteSpan | undefined {
  const end = last === "" ? size - 1 : Number(last);
  if (end < start) throw outOfRange(size);
  return start >= size ? undefined : { start, length: Math.min(end, size - 1) - start + 1 };
}

export function contentRange({ start, length }: ByteSpan, size: number): string {
  return `bytes ${String(start)}-${String(start + length - 1)}/${String(size)}`;
}

function outOfRange(size: number): BerthError {
  return new BerthError("RANGE_INVALID", `the range lies outside of ${String(size)} bytes`, { details: { size } });
}
