import type { BigIntStats } from "node:fs";

/** Is another one when the file was written, replaced, or given other rights. Take it with `{ bigint: true }`. */
export function fileStamp({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}
