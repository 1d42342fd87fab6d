import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What was out of reach for that long ago may be well again. */
const REMEMBERED_MS = 10 * 60_000;
const MAX_HOSTS = 100;

/**
 * Which hosts were out of reach lately, for the pulls of this process and, as a hint in a file, of those to come. It decides only
 * how long a host is waited for before another one is asked as well: each is asked all the same.
 */
export class HostMemory {
  static readonly #ofRoots = new Map<string, HostMemory>();

  readonly #missed: Map<string, number>;
  #isChanged = false;

  /** @param file the hint; what cannot be read or written of it is done without */
  constructor(
    private readonly file: string,
    private readonly now: () => number = Date.now,
  ) {
    this.#missed = new Map(this.#read());
  }

  /** The one of this process for a state directory. */
  static of(root: string): HostMemory {
    const known = this.#ofRoots.get(root);
    if (known !== undefined) return known;
    const memory = new HostMemory(join(root, "hosts-out-of-reach.json"));
    this.#ofRoots.set(root, memory);
    return memory;
  }

  /** @param origin `https://host:port` */
  wasMissed(origin: string): boolean {
    return this.#isFresh(this.#missed.get(origin) ?? 0);
  }

  missed(origin: string): void {
    this.#missed.set(origin, this.now());
    this.#isChanged = true;
  }

  reached(origin: string): void {
    this.#isChanged = this.#missed.delete(origin) || this.#isChanged;
  }

  /** Leaves the hint for other processes. */
  save(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const fresh = [...this.#missed].filter(([, at]) => this.#isFresh(at)).slice(-MAX_HOSTS);
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
      replaceFile(this.file, JSON.stringify(Object.fromEntries(fresh)));
    } catch {
      // The next pull waits a moment longer.
    }
  }

  #isFresh(at: number): boolean {
    const age = this.now() - at;
    return age >= 0 && age < REMEMBERED_MS;
  }

  #read(): [string, number][] {
    try {
      const json: unknown = JSON.parse(readFileSync(this.file, "utf8"));
      const entries = Object.entries(typeof json === "object" && json !== null ? json : {});
      return entries.filter((entry): entry is [string, number] => typeof entry[1] === "number").slice(-MAX_HOSTS);
    } catch {
      return [];
    }
  }
}

function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
