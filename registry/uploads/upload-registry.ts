import { randomUUID } from "node:crypto";

import type { Digest, DigestAlgorithm } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { ownProcessIdentity, processState } from "../../storage/process-identity.js";
import type { BlobStore } from "../storage/blob-store.js";
import { keys, lastComponentOf } from "../storage/key-tree.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";
import type { UploadRecord } from "./upload-record.js";
import { UploadSession } from "./upload-session.js";

/** A session whose writer and running digest wait in this process for the next request. */
interface Waiting {
  readonly session: UploadSession;
  /** The register's entry when it was left; a higher one means that another process has taken over. */
  readonly number: number;
}

/** Descriptors and digests kept open; beyond it the longest idle is let go, and re-read if it is ever closed. */
const MAX_WAITING = 1000;

/** A session held by one request: nobody else may touch it until `leave`, `commit` or `cancel`. */
export interface HeldUpload {
  readonly id: string;
  readonly session: UploadSession;
  /** Keeps what was received for a later request. */
  leave(): Promise<void>;
  /** Verifies and commits the blob, and ends the session. @throws BerthError DIGEST_INVALID, and the session is gone */
  commit(digest: Digest): Promise<void>;
  cancel(): Promise<void>;
}

/**
 * Upload sessions. Who may receive bytes is decided in the store by compare-and-swap, so that of racing requests, in any
 * processes, one goes on and the others are refused before they write.
 */
export class UploadRegistry {
  readonly #waiting = new Map<string, Waiting>();
  readonly #held = new Set<string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly blobs: BlobStore,
  ) {}

  /** Begins a session; returns its ID. */
  async start(repository: string, algorithm: DigestAlgorithm): Promise<string> {
    const id = randomUUID();
    const data = randomUUID();
    const record: UploadRecord = {
      repository,
      data,
      state: "idle",
      owner: ownProcessIdentity(),
      size: 0,
      at: Date.now(),
    };
    await this.#register(id).replace(undefined, record, { volatile: true });
    this.#wait(id, { session: new UploadSession(this.store, data, algorithm), number: 1 });
    return id;
  }

  /** For an upload that one request begins and ends: no session that anybody else could find. */
  hold(repository: string, algorithm: DigestAlgorithm): HeldUpload {
    const session = new UploadSession(this.store, randomUUID(), algorithm);
    const cancel = async (): Promise<void> => {
      await session.abort();
    };
    return {
      id: session.data,
      session,
      leave: cancel,
      cancel,
      commit: async (digest) => {
        await this.#commit(repository, session, digest);
      },
    };
  }

  /** Bytes received so far. @throws BerthError UPLOAD_UNKNOWN */
  async size(repository: string, id: string): Promise<number> {
    const entry = await this.#read(repository, id);
    const waiting = this.#waiting.get(id);
    return waiting?.number === entry.number ? waiting.session.size : entry.value.size;
  }

  /** @throws BerthError UPLOAD_UNKNOWN; RANGE_INVALID when another request is at it */
  async acquire(repository: string, id: string): Promise<HeldUpload> {
    if (this.#held.has(id)) throw busy(id, 0);
    this.#held.add(id);
    try {
      const entry = await this.#read(repository, id);
      const { value } = entry;
      if (value.state === "busy" && value.owner !== ownProcessIdentity() && processState(value.owner) !== "dead") {
        throw busy(id, value.size);
      }
      const claim: UploadRecord = { ...value, state: "busy", owner: ownProcessIdentity(), at: Date.now() };
      const claimed = await this.#register(id).replace(entry, claim, { volatile: true });
      if (claimed === undefined) throw busy(id, value.size);
      return this.#heldUpload(id, claimed, await this.#sessionOf(id, entry));
    } catch (error) {
      this.#held.delete(id);
      throw error;
    }
  }

  /** Ends the sessions untouched for longer than `ageMs`. */
  async expire(ageMs: number): Promise<number> {
    let expired = 0;
    for (const prefix of await listAllPrefixes(this.store, `${keys.uploads}/`)) {
      const id = lastComponentOf(prefix.slice(0, -1));
      const entry = await this.#register(id).read();
      if (entry === undefined || Date.now() - entry.value.at < ageMs) continue;
      try {
        await (await this.acquire(entry.value.repository, id)).cancel();
        expired++;
      } catch (error) {
        if (!isBerthError(error, "UPLOAD_UNKNOWN", "RANGE_INVALID")) throw error;
      }
    }
    return expired;
  }

  /** Lets go of what this process holds open; the sessions stay. */
  async close(): Promise<void> {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    await Promise.all(all.map(async ({ session }) => await session.release()));
  }

  #heldUpload(id: string, claimed: Entry<UploadRecord>, session: UploadSession): HeldUpload {
    const register = this.#register(id);
    const end = async (): Promise<void> => {
      await register.remove();
      this.#held.delete(id);
    };
    return {
      id,
      session,
      leave: async () => {
        try {
          // A failed write rewinds the session; the entry then says the size it went back to.
          const upload = await session.suspend().catch(() => claimed.value.upload);
          const value: UploadRecord = {
            ...claimed.value,
            state: "idle",
            size: session.size,
            ...(upload !== undefined && { upload }),
            at: Date.now(),
          };
          const left = await register.replace(claimed, value, { volatile: true });
          if (left !== undefined) this.#wait(id, { session, number: left.number });
          else await session.release();
        } catch (error) {
          // The entry in force still tells the place of before: what came since is of no use, and may be what fills the disk.
          const drop = claimed.value.upload === undefined ? session.abort() : session.release();
          await drop.catch(() => undefined);
          throw error;
        } finally {
          this.#held.delete(id);
        }
      },
      commit: async (digest) => {
        try {
          await this.#commit(claimed.value.repository, session, digest);
        } finally {
          await end();
        }
      },
      cancel: async () => {
        try {
          await session.abort();
        } finally {
          await end();
        }
      },
    };
  }

  async #commit(repository: string, session: UploadSession, digest: Digest): Promise<void> {
    try {
      await this.blobs.commit(repository, digest, session.data, await session.finish(digest));
    } catch (error) {
      await session.abort().catch(() => undefined);
      // Somebody ended the session between our look at it and our claim.
      throw isBerthError(error, "ALREADY_EXISTS") ? unknownUpload(session.data) : error;
    }
  }

  async #sessionOf(id: string, entry: Entry<UploadRecord>): Promise<UploadSession> {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting?.number === entry.number) {
      // The claim may have been won only because another process has ended the session and removed its register: its bytes
      // then have their final name, and must not be written to.
      if (await waiting.session.isCurrent()) return waiting.session;
      await waiting.session.release();
      await this.#register(id).remove();
      throw unknownUpload(id);
    }
    await waiting?.session.release();
    const { data, size, upload } = entry.value;
    return new UploadSession(this.store, data, "sha256", upload === undefined ? undefined : { state: upload, size });
  }

  async #read(repository: string, id: string): Promise<Entry<UploadRecord>> {
    const entry = UUID.test(id) ? await this.#register(id).read() : undefined;
    if (entry === undefined || entry.value.repository !== repository) {
      throw unknownUpload(id);
    }
    return entry;
  }

  #wait(id: string, waiting: Waiting): void {
    this.#waiting.set(id, waiting);
    if (this.#waiting.size <= MAX_WAITING) return;
    const [longest] = this.#waiting;
    if (longest === undefined) return;
    this.#waiting.delete(longest[0]);
    // Nothing is lost: the store has the state. A failure to close a descriptor concerns nobody.
    void longest[1].session.release().catch(() => undefined);
  }

  #register(id: string): WriteOnceRegister<UploadRecord> {
    return new WriteOnceRegister(this.store, keys.upload(id));
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function unknownUpload(id: string): BerthError {
  return new BerthError("UPLOAD_UNKNOWN", "there is no such upload in this repository: start a new one", {
    details: { id },
  });
}

function busy(id: string, size: number): BerthError {
  return new BerthError("RANGE_INVALID", "another request is writing to this upload", { details: { id, size } });
}
