import { createHash, randomInt } from "node:crypto";

import { hexOf, isDigest } from "../../oci/digest.js";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const WORDS = 4;
const FIRST_CAPACITY = 1024;
const FILL = 0.6;

/**
 * Digests and names of data, each with a few flags, at some 30 bytes each: the collector must hold a million of them. Kept are
 * 128 bits of each: two with the same ones count as one, which may keep garbage and never deletes what is in use.
 */
export class CompactTable {
  #words = new Uint32Array(FIRST_CAPACITY * WORDS);
  /** 0 where there is nothing. */
  #flags = new Uint8Array(FIRST_CAPACITY);
  #size = 0;
  /** Who chooses digests must not be able to choose where they lie. */
  readonly #seed = randomInt(1, 2 ** 31) * 2 + 1;

  get size(): number {
    return this.#size;
  }

  /** 0 for what was never added. */
  flagsOf(name: string): number {
    const slot = this.#find(wordsOf(name));
    return this.#flags[slot] ?? 0;
  }

  has(name: string): boolean {
    return this.flagsOf(name) !== 0;
  }

  /** @param flags not 0, below 256; joined to those that the name has */
  add(name: string, flags = 1): void {
    const words = wordsOf(name);
    let slot = this.#find(words);
    if (this.#flags[slot] === 0) {
      if (++this.#size > this.#flags.length * FILL) {
        this.#grow();
        slot = this.#find(words);
      }
      this.#words.set(words, slot * WORDS);
    }
    this.#flags[slot] = (this.#flags[slot] ?? 0) | flags;
  }

  /** The slot of these words, or the free one where they belong. */
  #find(words: readonly number[]): number {
    const capacity = this.#flags.length;
    let hash = this.#seed;
    for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
    for (let slot = (hash >>> 0) % capacity; ; slot = (slot + 1) % capacity) {
      if (this.#flags[slot] === 0 || words.every((word, i) => this.#words[slot * WORDS + i] === word)) return slot;
    }
  }

  #grow(): void {
    const [words, flags] = [this.#words, this.#flags];
    this.#words = new Uint32Array(words.length * 2);
    this.#flags = new Uint8Array(flags.length * 2);
    for (const [old, flag] of flags.entries()) {
      if (flag === 0) continue;
      const moved = [...words.subarray(old * WORDS, (old + 1) * WORDS)];
      const slot = this.#find(moved);
      this.#words.set(moved, slot * WORDS);
      this.#flags[slot] = flag;
    }
  }
}

function wordsOf(name: string): number[] {
  const hex = isDigest(name) ? hexOf(name) : UUID.test(name) ? name.replaceAll("-", "") : hashOf(name);
  return [0, 8, 16, 24].map((at) => parseInt(hex.slice(at, at + 8), 16));
}

function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
