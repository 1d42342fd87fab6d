import * as v from "valibot";

import { BerthError } from "../../oci/errors.js";

/** What is wrong in files that people write, gathered so that one message tells all of it. */
export class Mistakes {
  readonly #found: string[] = [];

  add(file: string, path: string, what: string): void {
    this.#found.push(`${file}: ${path === "" ? "" : `${path} `}${what}`);
  }

  /** The value as the schema gives it, or undefined when there are mistakes in it. */
  check<Schema extends v.GenericSchema>(
    file: string,
    schema: Schema,
    value: unknown,
  ): v.InferOutput<Schema> | undefined {
    const { success, output, issues } = v.safeParse(schema, value);
    if (success) return output;
    for (const issue of issues) this.add(file, pathOf(issue), issue.message);
    return undefined;
  }

  /** @throws BerthError CONFIG_INVALID */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new BerthError("CONFIG_INVALID", this.#found.join("; "));
  }
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
