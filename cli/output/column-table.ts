const GAP = 3;
const LEAST_WIDTH = 10;

/** Columns as Docker prints them: padded with spaces to the longest cell and three more, ten at least; the last one is not padded. */
export function columnTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(LEAST_WIDTH, ...lines.map((line) => (line[column] ?? "").length + GAP)),
  );
  return lines
    .map((line) =>
      line.map((cell, column) => (column === header.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(""),
    )
    .map((line) => `${line}\n`)
    .join("");
}
