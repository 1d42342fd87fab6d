interface Waiting {
  readonly bytes: number;
  readonly party: string;
  readonly enter: () => void;
}

/** Of what is left for others, as much as a party may have that asks for more. */
const SHARE = 1 / 8;

/**
 * Memory that all requests of the process share. A party that has some gets more only while all that it then has is a small part
 * of what is left: each that takes what it can takes a ninth of what those before it have left, so that whoever comes with
 * empty hands finds room behind dozens of them. Who finds too little waits, in order; those who have their share are passed by.
 */
export class MemoryRoom {
  #free: number;
  readonly #held = new Map<string, number>();
  readonly #waiting: Waiting[] = [];

  constructor(private readonly capacity: number) {
    this.#free = capacity;
  }

  /**
   * Resolves once there is room; more than all there is counts as all there is.
   * @returns to be called once, when the memory is free again
   */
  async take(bytes: number, party: string): Promise<() => void> {
    const share = Math.min(bytes, this.capacity);
    await new Promise<void>((enter) => {
      this.#waiting.push({ bytes: share, party, enter });
      this.#letIn();
    });
    return () => {
      this.#free += share;
      const left = this.#heldBy(party) - share;
      if (left > 0) this.#held.set(party, left);
      else this.#held.delete(party);
      this.#letIn();
    };
  }

  #letIn(): void {
    for (let i = 0; i < this.#waiting.length;) {
      const next = this.#waiting[i];
      if (next === undefined) return;
      const held = this.#heldBy(next.party);
      const left = this.#free - next.bytes;
      if (held === 0 ? left >= 0 : held + next.bytes <= left * SHARE) {
        this.#waiting.splice(i, 1);
        this.#free -= next.bytes;
        this.#held.set(next.party, held + next.bytes);
        next.enter();
      } else if (held === 0) {
        // Nobody gets what it waits for.
        return;
      } else i++;
    }
  }

  #heldBy(party: string): number {
    return this.#held.get(party) ?? 0;
  }
}
