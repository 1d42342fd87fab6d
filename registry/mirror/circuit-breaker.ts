/** Failures in a row after which nobody asks for a while. */
const THRESHOLD = 3;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 60_000;
/** An upstream may ask for more patience than that, but gets no more. */
const LONGEST_WISH_MS = 300_000;

/**
 * Keeps a mirror from hammering an upstream that fails. Closed: everybody may ask. Open: nobody, until a pause is over that
 * doubles with each further failure. Then one may try, and decides.
 */
export class CircuitBreaker {
  #failures = 0;
  #openUntil = 0;
  #isTrying = false;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Nobody may ask at the moment. */
  get isOpen(): boolean {
    return this.#openUntil > this.now();
  }

  /** Milliseconds until the next attempt may be made; 0 when the caller may ask, and must then say how it went. */
  admit(): number {
    if (this.#failures < THRESHOLD && this.#openUntil === 0) return 0;
    const wait = this.#openUntil - this.now();
    if (wait > 0) return wait;
    if (this.#isTrying) return FIRST_PAUSE_MS;
    this.#isTrying = true;
    return 0;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = 0;
    this.#isTrying = false;
  }

  /** Neither: the caller has given up, or has been told something that says nothing of the upstream's health. */
  undecided(): void {
    this.#isTrying = false;
  }

  /**
   * @param wish milliseconds for which the upstream wants to be left alone
   * @returns milliseconds for which it is; 0 when everybody may go on
   */
  failed(wish?: number): number {
    this.#failures++;
    this.#isTrying = false;
    const pause =
      this.#failures < THRESHOLD ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - THRESHOLD));
    const wait = Math.max(pause, Math.min(wish ?? 0, LONGEST_WISH_MS));
    if (wait > 0) this.#openUntil = this.now() + wait;
    return wait;
  }
}
