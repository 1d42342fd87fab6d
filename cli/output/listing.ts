import { columnTable } from "./column-table.js";
import { parseTemplate } from "./go-template.js";

export type ListingRow<Field extends string> = Readonly<Record<Field, string>>;

/**
 * Docker's `--format` of lists: `json` (a line each), a Go template for each row, or `table TEMPLATE`, whose columns are between
 * tabs. `headings`: of each field.
 * @throws BerthError USAGE
 */
export function renderListing<Field extends string>(
  format: string,
  headings: ListingRow<Field>,
  rows: readonly ListingRow<Field>[],
): string {
  if (format === "json") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const template = format.replace(/^table\s+/, "");
  // A shell passes \t on as two characters.
  const render = parseTemplate(template.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  if (template === format) return rows.map((row) => `${render(row)}\n`).join("");
  return columnTable(
    render(headings).split("\t"),
    rows.map((row) => render(row).split("\t")),
  );
}
