import { timesBetter, type Figure } from "./figure.js";

/** A plain table: how berth compares first, then the figure and every contender's value. */
export function renderFigures(title: string, figures: readonly Figure[]): string {
  const contenders = [...new Set(figures.flatMap((figure) => Object.keys(figure.values)))];
  const rows = [
    ["berth is", "mark", "figure", ...contenders],
    ...figures.map((figure) => [
      ratio(figure),
      mark(figure),
      `${figure.title}, ${figure.unit}`,
      ...contenders.map((name) => (name in figure.values ? number(figure.values[name]) : "")),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return [title, "", ...lines, ""].join("\n");
}

function ratio(figure: Figure): string {
  const times = timesBetter(figure);
  return times === undefined ? "-" : `${times.toFixed(2)}x`;
}

function mark(figure: Figure): string {
  if (figure.mark === undefined) return "";
  const times = timesBetter(figure);
  const wanted = `${figure.mark.times}x`;
  if (times === undefined) return wanted;
  return `${wanted} ${times >= figure.mark.times ? "met" : "missed"}`;
}

function number(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
