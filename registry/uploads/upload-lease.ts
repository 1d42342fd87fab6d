import type { Digest } from "../../oci/digest.js";
import type { Entry, WriteOnceRegister } from "../storage/write-once-register.js";
import { busyUpload, unknownUpload } from "./upload-errors.js";
import type { UploadRecord } from "./upload-record.js";

/** An entry that this process has written. */
export interface WrittenEntry {
  readonly entry: Entry<UploadRecord>;
  /** No later than that, by this process's monotonic clock. */
  readonly writtenAt: number;
}

/** So that a few renewals may fail or be late before anybody takes the claim for abandoned. */
const RENEWALS_PER_LEASE = 6;

/**
 * One request's claim on an upload session, renewed for as long as the request runs. Every write of the record goes through
 * here, one after another, so that a renewal never competes with the entry that ends it.
 */
export class UploadLease {
  readonly #timer: NodeJS.Timeout;
  #entry: Entry<UploadRecord>;
  /** No later than the entry was written. */
  #writtenAt: number;
  #confirmedAt = performance.now();
  #writing: Promise<unknown> = Promise.resolve();
  #lost = false;

  constructor(
    private readonly id: string,
    private readonly register: WriteOnceRegister<UploadRecord>,
    claimed: WrittenEntry,
    private readonly leaseMs: number,
    /** See UploadRegistry. */
    private readonly trustMs: number,
  ) {
    this.#entry = claimed.entry;
    this.#writtenAt = claimed.writtenAt;
    this.#timer = setInterval(() => {
      this.#renewSoon();
    }, leaseMs / RENEWALS_PER_LEASE);
    this.#timer.unref();
  }

  /** What was claimed. */
  get record(): UploadRecord {
    return this.#entry.value;
  }

  /** Of the entry in force, as far as is known here. */
  get number(): number {
    return this.#entry.number;
  }

  /** Somebody else has taken over, or ended the session. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** Before what cannot be undone: asks the store when the last answer is old. @throws as `lostError`; faults of the store */
  async confirm(): Promise<void> {
    await this.#writing.catch(() => undefined);
    if (!this.#lost && performance.now() - this.#confirmedAt > this.leaseMs / 2) await this.#renew();
    if (this.#lost) throw await this.lostError();
  }

  /** Writes the record that ends the claim. Undefined when the claim was lost. */
  async end(record: UploadRecord): Promise<WrittenEntry | undefined> {
    await this.stop();
    return (await this.#replace(record)) ? { entry: this.#entry, writtenAt: this.#writtenAt } : undefined;
  }

  /**
   * Nobody else can go on with the session from here on, whatever becomes of this process; renewals say that it lives. Idempotent.
   * @param committed what the session is going to be, for those who ask meanwhile; absent when it will be nothing
   * @throws as `confirm`
   */
  async close(committed?: { readonly digest: Digest; readonly size: number }): Promise<void> {
    await this.#inTurn(async () => {
      const { digest, ...record } = this.record;
      if (record.state === "ended" && digest === committed?.digest) return;
      const ended: UploadRecord = { ...record, ...committed, state: "ended", at: Date.now() };
      if (!(await this.#replace(ended))) throw await this.lostError();
    });
  }

  /** No renewal is under way or comes any more. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing.catch(() => undefined);
  }

  /** RANGE_INVALID with the place from which to go on; UPLOAD_UNKNOWN when the session has ended. */
  async lostError(): Promise<Error> {
    const now = await this.register.read();
    return now === undefined || now.value.state === "ended"
      ? unknownUpload(this.id)
      : busyUpload(this.id, now.value.size);
  }

  /** A store that does not answer is asked again at the next turn: the lease is longer than several. */
  #renewSoon(): void {
    this.#inTurn(async () => {
      await this.#renew();
    }).catch(() => undefined);
  }

  async #inTurn(write: () => Promise<void>): Promise<void> {
    const writing = this.#writing.then(write, write);
    this.#writing = writing;
    await writing;
  }

  async #renew(): Promise<void> {
    if (!this.#lost) await this.#replace({ ...this.#entry.value, at: Date.now() });
  }

  async #replace(record: UploadRecord): Promise<boolean> {
    while (!this.#lost) {
      const now = performance.now();
      const written = await this.register.replace(this.#entry, record, { volatile: true });
      if (written !== undefined && performance.now() - this.#writtenAt > this.trustMs) {
        // This process stood still, and the register may have been removed meanwhile.
        this.#lost = !(await this.register.isThere());
        if (this.#lost) await this.register.remove();
      }
      if (written === undefined) {
        const there = await this.register.read();
        // An earlier write of ours that was said to have failed may have come to be.
        const isOurs = there?.value.claim === record.claim && (there?.number ?? 0) > this.#entry.number;
        if (there === undefined || !isOurs) this.#lost = true;
        else this.#entry = there;
      } else if (!this.#lost) {
        this.#entry = written;
        this.#writtenAt = now;
        this.#confirmedAt = performance.now();
        return true;
      }
    }
    return false;
  }
}
