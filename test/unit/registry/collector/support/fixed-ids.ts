import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

const original = crypto.randomUUID;

/** So that a schedule plays the same way each time: UUIDs are counted from the last `restart` on. Undone by `restore`. */
export class FixedIds {
  #count = 0;

  constructor() {
    crypto.randomUUID = () => `00000000-0000-4000-8000-${String(++this.#count).padStart(12, "0")}`;
    syncBuiltinESMExports();
  }

  restart(from: number): void {
    this.#count = from;
  }

  restore(): void {
    crypto.randomUUID = original;
    syncBuiltinESMExports();
  }
}
