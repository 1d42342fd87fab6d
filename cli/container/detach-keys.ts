import { BerthError } from "../../oci/errors.js";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** `ctrl-p,ctrl-q` or single characters as bytes. @throws BerthError USAGE */
export function parseDetachKeys(text: string): Uint8Array {
  const bytes = text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
    throw new BerthError("USAGE", `invalid --detach-keys ${JSON.stringify(text)}: write such as ctrl-p,ctrl-q`);
  });
  return Uint8Array.from(bytes);
}

/** Looks for the sequence in what is typed, also when it comes in several pieces; a beginning that came to nothing is typed after all. */
export class DetachKeys {
  #matched = 0;

  constructor(private readonly sequence: Uint8Array) {}

  /** @returns the bytes to pass on, and whether the sequence is complete */
  filter(chunk: Uint8Array): { readonly pass: Buffer; readonly detach: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.sequence[this.#matched] && this.#matched > 0) {
        pass.push(...this.sequence.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.sequence[this.#matched]) pass.push(byte);
      else if (++this.#matched === this.sequence.length) return { pass: Buffer.from(pass), detach: true };
    }
    return { pass: Buffer.from(pass), detach: false };
  }
}
