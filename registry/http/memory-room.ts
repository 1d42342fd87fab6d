interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

/** Memory that all requests of the process share. Who finds too little left waits, in order. */
export class MemoryRoom {
  #free: number;
  readonly #waiting: Waiting[] = [];

  constructor(private readonly capacity: number) {
    this.#free = capacity;
  }

  /**
   * Resolves once there is room; more than all there is counts as all there is.
   * @returns to be called once, when the memory is free again
   */
  async take(bytes: number): Promise<() => void> {
    const share = Math.min(bytes, this.capacity);
    if (this.#waiting.length > 0 || share > this.#free) {
      await new Promise<void>((enter) => this.#waiting.push({ bytes: share, enter }));
    } else {
      this.#free -= share;
    }
    return () => {
      this.#free += share;
      this.#letIn();
    };
  }

  #letIn(): void {
    for (let [first] = this.#waiting; first !== undefined && first.bytes <= this.#free; [first] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.enter();
    }
  }
}
