import * as v from "valibot";

import type { Mistakes } from "./mistakes.js";

/** The value as the schema gives it, or undefined when there are mistakes in it. */
export function checkSchema<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  file: string,
  mistakes: Mistakes,
): v.InferOutput<Schema> | undefined {
  const { success, output, issues } = v.safeParse(schema, value);
  if (success) return output;
  for (const issue of issues) mistakes.add(file, pathOf(issue), issue.message);
  return undefined;
}

/** For strictObject: what it says of keys that it does not know, and of what is no object. */
export function unknownKeyOr(notAnObject: string): (issue: { readonly expected: string | null }) => string {
  return ({ expected }) => (expected === "never" ? "is not known" : notAnObject);
}

/** Such as `host["https://mirror"].capabilities[0]`. */
function pathOf(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? [])
    .map(({ key }) => {
      if (typeof key === "number") return `[${String(key)}]`;
      const name = String(key);
      return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    })
    .join("")
    .replace(/^\./, "");
}
