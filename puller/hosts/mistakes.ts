import { BerthError } from "../../oci/errors.js";

/** What is wrong in files that people write, gathered so that one message tells all of it. */
export class Mistakes {
  readonly #found: string[] = [];

  add(file: string, path: string, what: string): void {
    this.#found.push(`${file}: ${path === "" ? "" : `${path} `}${what}`);
  }

  /** @throws BerthError CONFIG_INVALID */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new BerthError("CONFIG_INVALID", this.#found.join("; "));
  }
}
