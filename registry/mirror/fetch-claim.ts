import type { Entry, WriteOnceRegister } from "../storage/write-once-register.js";

/** What the store says of a fetch that is under way. */
export interface FetchRecord {
  /** processIdentity of the process, and which of its registries. */
  readonly owner: string;
  /** Of this one fetch. */
  readonly claim: string;
  /** SharedFetches.socket of that registry. */
  readonly socket?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** So that a few renewals may fail or be late before anybody takes the claim for abandoned. */
const RENEWALS_PER_LEASE = 6;

/** This process's claim on a fetch, renewed until it is released. */
export class FetchClaim {
  readonly #timer: NodeJS.Timeout | undefined;
  #entry: Entry<FetchRecord> | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #isLost = false;

  /**
   * @param register absent for a claim that nobody else can see
   * @param onEnd called once it is released
   */
  constructor(
    private readonly register: WriteOnceRegister<FetchRecord> | undefined,
    entry: Entry<FetchRecord> | undefined,
    leaseMs: number,
    private readonly onEnd: () => void,
  ) {
    this.#entry = entry;
    if (register === undefined) return;
    this.#timer = setInterval(() => {
      // What fails now is done at the next turn.
      this.#renewing = this.#renewing.then(async () => await this.#renew(register)).catch(() => undefined);
    }, leaseMs / RENEWALS_PER_LEASE);
    this.#timer.unref();
  }

  /** Another process has taken over. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** @throws BerthError of the store: then others find out by themselves that it is over */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    this.onEnd();
    // Whoever took over frees the whole of it.
    if (!this.#isLost) await this.register?.remove(this.#entry?.number);
  }

  async #renew(register: WriteOnceRegister<FetchRecord>): Promise<void> {
    if (this.#entry === undefined || this.#isLost) return;
    const record = { ...this.#entry.value, at: Date.now() };
    const renewed = await register.replace(this.#entry, record, { volatile: true });
    if (renewed !== undefined) {
      this.#entry = renewed;
      return;
    }
    const there = await register.read();
    // An earlier renewal that was said to have failed may have come to be.
    if (there?.value.claim === record.claim) this.#entry = there;
    else this.#isLost = true;
  }
}
