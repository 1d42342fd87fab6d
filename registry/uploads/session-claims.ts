import { randomUUID } from "node:crypto";

import type { Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { ownProcessIdentity, processState } from "../../storage/process-identity.js";
import { keys } from "../storage/key-tree.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";
import { ClaimWatch } from "./claim-watch.js";
import { busyUpload, unknownUpload } from "./upload-errors.js";
import type { WrittenEntry } from "./upload-lease.js";
import type { UploadRecord } from "./upload-record.js";
import type { WaitingSessions } from "./waiting-sessions.js";

export interface Claim {
  /** What was claimed. */
  readonly entry: Entry<UploadRecord>;
  readonly claimed: WrittenEntry;
  readonly contested: boolean;
  /** How long ago, at most, `entry` was in force for sure. */
  readonly ageMs: number;
}

export interface Claiming {
  /** The request ends the session, whatever becomes of it. */
  readonly closing?: boolean;
  /** As what it is going to be committed. */
  readonly digest?: Digest;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The registers of sessions, and the claims of this process on them: a claim is an entry that nobody else created. */
export class SessionClaims {
  readonly owner = `${ownProcessIdentity()}.${randomUUID()}`;
  readonly #watch: ClaimWatch;

  constructor(
    private readonly store: ObjectStore,
    private readonly waiting: WaitingSessions,
    leaseMs: number,
    /** The claim of a request that ends the session says at once that it has ended. */
    private readonly endsByClaim: boolean,
    private readonly isServed: (repository: string, digest: Digest) => Promise<boolean>,
  ) {
    this.#watch = new ClaimWatch(leaseMs);
  }

  register(id: string): WriteOnceRegister<UploadRecord> {
    return new WriteOnceRegister(this.store, keys.upload(id));
  }

  /** A session that has ended is one as long as it is being committed. @throws BerthError UPLOAD_UNKNOWN */
  async read(repository: string, id: string): Promise<Entry<UploadRecord>> {
    const entry = UUID.test(id) ? await this.register(id).read() : undefined;
    if (entry === undefined || entry.value.repository !== repository) throw unknownUpload(id);
    if (entry.value.state === "ended" && !(await this.#isBeingCommitted(id, entry))) throw unknownUpload(id);
    return entry;
  }

  async #isBeingCommitted(id: string, { number, value }: Entry<UploadRecord>): Promise<boolean> {
    const { repository, digest, owner } = value;
    if (digest === undefined || processState(owner) === "dead" || this.#watch.isAbandoned(id, number)) return false;
    return !(await this.isServed(repository, digest));
  }

  /** @throws BerthError UPLOAD_UNKNOWN; RANGE_INVALID when somebody else has it */
  async claim(repository: string, id: string, claiming: Claiming): Promise<Claim> {
    return (await this.#claimWaiting(repository, id, claiming)) ?? (await this.#claimRead(repository, id, claiming));
  }

  /** Without reading it before; undefined when another process has gone on with it. */
  async #claimWaiting(repository: string, id: string, claiming: Claiming): Promise<Claim | undefined> {
    const { left: entry, since } = this.waiting.find(id) ?? {};
    if (entry?.value.repository !== repository || since === undefined) return undefined;
    const contested = entry.value.contested ?? false;
    const claimed = await this.#putClaim(id, entry, contested, claiming);
    return claimed && { entry, claimed, contested, ageMs: performance.now() - since };
  }

  async #claimRead(repository: string, id: string, claiming: Claiming): Promise<Claim> {
    const readAt = performance.now();
    const entry = await this.read(repository, id);
    const { value } = entry;
    if (value.state === "ended") throw busyUpload(id, value.size, value.digest);
    let contested = value.contested ?? false;
    // A claim of our own that no request holds is one whose end could not be written down.
    if (value.state === "busy" && value.owner !== this.owner && processState(value.owner) !== "dead") {
      if (!this.#watch.isAbandoned(id, entry.number)) throw busyUpload(id, value.size);
      contested = true;
    }
    const claimed = await this.#putClaim(id, entry, contested, claiming);
    if (claimed === undefined) throw busyUpload(id, value.size);
    this.#watch.forget(id);
    return { entry, claimed, contested, ageMs: performance.now() - readAt };
  }

  async #putClaim(
    id: string,
    entry: Entry<UploadRecord>,
    contested: boolean,
    { closing = false, digest }: Claiming,
  ): Promise<WrittenEntry | undefined> {
    const ends = closing && this.endsByClaim;
    const claim: UploadRecord = {
      ...entry.value,
      state: ends ? "ended" : "busy",
      ...(ends && digest !== undefined && { digest }),
      owner: this.owner,
      claim: randomUUID(),
      ...(contested && { contested }),
      at: Date.now(),
    };
    const writtenAt = performance.now();
    const claimed = await this.register(id).replace(entry, claim, { volatile: true });
    return claimed && { entry: claimed, writtenAt };
  }
}
