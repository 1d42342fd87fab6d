import { randomUUID } from "node:crypto";

import type { Digest, DigestAlgorithm } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "../storage/blob-store.js";
import { keys, lastComponentOf } from "../storage/key-tree.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import type { Entry } from "../storage/write-once-register.js";
import { EndedSessions, removeEnded, type EndedSession } from "./ended-sessions.js";
import { SessionHold, type HeldUpload } from "./held-upload.js";
import { SessionClaims, type Claiming } from "./session-claims.js";
import { busyUpload, unknownUpload } from "./upload-errors.js";
import { UploadLease } from "./upload-lease.js";
import type { UploadRecord } from "./upload-record.js";
import { UploadSession } from "./upload-session.js";
import { WaitingSessions } from "./waiting-sessions.js";

const DEFAULT_LEASE_MS = 60_000;
/**
 * Where each look is a request, a claim made within so many leases of when the entry before it was in force is taken for
 * good without another look: registers of sessions that have ended stay for twice as long.
 */
const TRUSTED_LEASES = 5;

export interface UploadOptions {
  /** A claim that was seen not to be renewed for so long may be taken over. */
  readonly leaseMs?: number;
  /** A request has ended, and its upload of that many bytes waits for the next. */
  readonly onLeft?: (id: string, size: number) => void;
  /** An upload has been committed or cancelled, or has expired. */
  readonly onEnded?: (id: string) => void;
}

/**
 * Upload sessions. Who may receive bytes is decided in the store by compare-and-swap, so that of racing requests, in any
 * processes on any hosts, one goes on and the others are refused before they write. A process that vanished gives up its
 * claim at once where it can be seen to be dead, and at the end of its lease elsewhere.
 */
export class UploadRegistry {
  readonly #waiting = new WaitingSessions();
  /** By this process, and as what it is committing them. */
  readonly #held = new Map<string, Digest | undefined>();
  readonly #leaseMs: number;
  readonly #claims: SessionClaims;
  readonly #trustMs: number;
  /** Where registers are not removed at once. */
  readonly #ended: EndedSessions | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
    private readonly options: UploadOptions = {},
  ) {
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    const isRemote = store.traits.remote === true;
    this.#claims = new SessionClaims(
      store,
      this.#waiting,
      this.#leaseMs,
      isRemote,
      async (repository, digest) => await blobs.isKept(repository, digest),
    );
    this.#trustMs = isRemote ? TRUSTED_LEASES * this.#leaseMs : 0;
    this.#ended = isRemote ? new EndedSessions(store, 2 * this.#trustMs) : undefined;
  }

  /** Begins a session. @param id a new UUID; returned */
  async start(repository: string, algorithm: DigestAlgorithm, id: string = randomUUID()): Promise<string> {
    const data = randomUUID();
    const record: UploadRecord = {
      repository,
      data,
      state: "idle",
      owner: this.#claims.owner,
      size: 0,
      at: Date.now(),
    };
    const now = performance.now();
    const entry = await this.#claims.register(id).replace(undefined, record, { volatile: true });
    if (entry === undefined) throw unknownUpload(id);
    this.#waiting.add(id, new UploadSession(this.store, data, algorithm), entry, now);
    return id;
  }

  /** For an upload that one request begins and ends: no session that anybody else could find. */
  hold(repository: string, algorithm: DigestAlgorithm, id: string = randomUUID()): HeldUpload {
    const session = new UploadSession(this.store, id, algorithm);
    const cancel = async (): Promise<void> => {
      try {
        await session.abort();
      } finally {
        this.options.onEnded?.(id);
      }
    };
    return {
      id: session.data,
      session,
      assertHeld: () => undefined,
      leave: cancel,
      cancel,
      commit: async (digest) => {
        try {
          await this.blobs.commit(repository, digest, session.data, await session.finish(digest));
        } catch (error) {
          await session.abort().catch(() => undefined);
          throw error;
        } finally {
          this.options.onEnded?.(id);
        }
      },
    };
  }

  /** Bytes received so far, all of them while it is being committed. @throws BerthError UPLOAD_UNKNOWN */
  async size(repository: string, id: string): Promise<number> {
    const entry = await this.#claims.read(repository, id);
    return this.#waiting.sizeOf(id, entry.number) ?? entry.value.size;
  }

  /** @throws BerthError UPLOAD_UNKNOWN; RANGE_INVALID when another request is at it, with the `digest` that it is committing */
  async acquire(repository: string, id: string, claiming: Claiming = {}): Promise<HeldUpload> {
    if (this.#held.has(id)) throw busyUpload(id, await this.size(repository, id), this.#held.get(id));
    this.#held.set(id, undefined);
    try {
      const { entry, claimed, contested, ageMs } = await this.#claims.claim(repository, id, claiming);
      const register = this.#claims.register(id);
      const lease = new UploadLease(id, register, claimed, this.#leaseMs, this.#trustMs || Infinity);
      let isThere = false;
      try {
        // Another process may have ended the session before our claim, which then has begun its register anew.
        isThere = ageMs < this.#trustMs || (await register.isThere());
        if (!isThere) throw unknownUpload(id);
        const session = await this.#sessionOf(id, entry, contested);
        return this.#holdOf(id, session, lease);
      } catch (error) {
        await lease.stop();
        if (isBerthError(error, "UPLOAD_UNKNOWN")) {
          await (await this.#waiting.take(id, entry.number))?.release();
          await (isThere ? this.#end(id, lease) : register.remove());
        }
        throw error;
      }
    } catch (error) {
      this.#held.delete(id);
      throw error;
    }
  }

  /** Ends a session also while another request is writing to it, which then fails. @throws BerthError UPLOAD_UNKNOWN */
  async cancel(repository: string, id: string): Promise<void> {
    for (;;) {
      try {
        await (await this.acquire(repository, id, { closing: true })).cancel();
        return;
      } catch (error) {
        if (!isBerthError(error, "RANGE_INVALID")) throw error;
      }
      const entry = await this.#claims.read(repository, id);
      if (entry.value.state === "ended") throw unknownUpload(id);
      if (entry.value.state === "idle") continue;
      const ended: UploadRecord = {
        ...entry.value,
        state: "ended",
        owner: this.#claims.owner,
        claim: randomUUID(),
        at: Date.now(),
      };
      const over = await this.#claims.register(id).replace(entry, ended, { volatile: true });
      if (over === undefined) continue;
      this.#ended?.add(id, over.number);
      this.options.onEnded?.(id);
      const { data, size, upload } = entry.value;
      if (upload !== undefined) await new UploadSession(this.store, data, "sha256", { state: upload, size }).abort();
      return;
    }
  }

  /** Ends the sessions untouched for longer than `ageMs`. */
  async expire(ageMs: number): Promise<number> {
    let expired = 0;
    const ended: EndedSession[] = [];
    for (const prefix of await listAllPrefixes(this.store, `${keys.uploads}/`)) {
      try {
        if (await this.#expireOne(lastComponentOf(prefix.slice(0, -1)), ageMs, ended)) expired++;
      } catch (error) {
        if (!isBerthError(error, "UPLOAD_UNKNOWN", "RANGE_INVALID")) throw error;
      }
    }
    await removeEnded(this.store, ended);
    return expired;
  }

  async #expireOne(id: string, ageMs: number, ended: EndedSession[]): Promise<boolean> {
    const register = this.#claims.register(id);
    let entry: Entry<UploadRecord> | undefined;
    try {
      entry = await register.read();
    } catch (error) {
      // Not synced, a record may be damaged after a loss of power, and must not keep all others from being looked at.
      if (!isBerthError(error, "STORAGE")) throw error;
      const age = await register.ageMs();
      if (age === undefined || age < ageMs) return false;
      await register.remove();
      return true;
    }
    if (entry === undefined || Date.now() - entry.value.at < ageMs) return false;
    if (entry.value.state === "ended") {
      ended.push({ id, number: entry.number });
      return false;
    }
    await (await this.acquire(entry.value.repository, id, { closing: true })).cancel();
    return true;
  }

  /** The keys at which the bytes of sessions are going to lie. */
  async dataOfSessions(): Promise<ReadonlySet<string>> {
    const all = new Set<string>();
    for (const prefix of await listAllPrefixes(this.store, `${keys.uploads}/`)) {
      try {
        const entry = await this.#claims.register(lastComponentOf(prefix.slice(0, -1))).read();
        if (entry !== undefined) all.add(keys.data(entry.value.data));
      } catch (error) {
        // Damaged, it cannot be gone on with.
        if (!isBerthError(error, "STORAGE")) throw error;
      }
    }
    return all;
  }

  /** Lets go of what this process holds open; the sessions stay. */
  async close(): Promise<void> {
    await this.#ended?.close();
    await this.#waiting.releaseAll();
  }

  /** Where its register is not removed at once, it says so first. */
  async #end(id: string, lease: UploadLease, digest?: Digest): Promise<void> {
    if (this.#ended === undefined) {
      await this.#claims.register(id).remove(lease.number);
      return;
    }
    await lease.close(digest && { digest, size: lease.record.size });
    this.#ended.add(id, lease.number);
  }

  #holdOf(id: string, session: UploadSession, lease: UploadLease): HeldUpload {
    return new SessionHold({
      id,
      session,
      lease,
      register: this.#claims.register(id),
      blobs: this.blobs,
      keep: ({ entry, writtenAt }) => {
        this.#waiting.add(id, session, entry, writtenAt);
        this.options.onLeft?.(id, session.size);
      },
      confirm: async (digest) => {
        this.#held.set(id, digest);
        if (this.#ended === undefined) await lease.confirm();
        else await lease.close(digest && { digest, size: session.size });
      },
      end: async (digest) => {
        this.options.onEnded?.(id);
        await this.#end(id, lease, digest);
      },
      release: () => {
        this.#held.delete(id);
      },
    });
  }

  async #sessionOf(id: string, entry: Entry<UploadRecord>, contested: boolean): Promise<UploadSession> {
    const waiting = await this.#waiting.take(id, entry.number);
    if (waiting !== undefined) return waiting;
    const { data, size, upload } = entry.value;
    const resumed = upload === undefined ? undefined : { state: upload, size };
    const session = new UploadSession(this.store, data, "sha256", resumed, contested);
    // Before anything is left for a later request: that one would not know that its writer has a rival.
    if (contested) await session.open();
    return session;
  }
}
