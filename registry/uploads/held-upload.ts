import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { BlobStore } from "../storage/blob-store.js";
import type { WriteOnceRegister } from "../storage/write-once-register.js";
import { busyUpload, unknownUpload } from "./upload-errors.js";
import type { UploadLease, WrittenEntry } from "./upload-lease.js";
import type { UploadRecord } from "./upload-record.js";
import type { UploadSession } from "./upload-session.js";

/**
 * A session held by one request: nobody else may touch it until `leave`, `commit` or `cancel`. Each of these throws
 * RANGE_INVALID when the hold was lost because this process did not renew it in time, and another one went on.
 */
export interface HeldUpload {
  readonly id: string;
  readonly session: UploadSession;
  /** Throws once the hold was lost, so that a body need not be received to its end in vain. */
  assertHeld(): void;
  /** Keeps what was received for a later request. */
  leave(): Promise<void>;
  /** Verifies and commits the blob, and ends the session. @throws BerthError DIGEST_INVALID, and the session is gone */
  commit(digest: Digest): Promise<void>;
  cancel(): Promise<void>;
}

interface HoldParts {
  readonly id: string;
  readonly session: UploadSession;
  readonly lease: UploadLease;
  readonly register: WriteOnceRegister<UploadRecord>;
  readonly blobs: BlobStore;
  /** The session waits here from that entry on. */
  readonly keep: (left: WrittenEntry) => void;
  /** Before what cannot be undone: a commit as that digest, or a cancellation. @throws when the hold was lost */
  readonly confirm: (digest?: Digest) => Promise<void>;
  /** The session is over, and is that blob or nothing. */
  readonly end: (digest?: Digest) => Promise<void>;
  /** Called once at the end, whatever it was. */
  readonly release: () => void;
}

export class SessionHold implements HeldUpload {
  readonly id: string;
  readonly session: UploadSession;

  constructor(private readonly parts: HoldParts) {
    this.id = parts.id;
    this.session = parts.session;
  }

  assertHeld(): void {
    const { lease } = this.parts;
    if (lease.isLost) throw busyUpload(this.id, lease.record.size);
  }

  async leave(): Promise<void> {
    const { session, lease } = this.parts;
    const { repository, data, owner, claim, upload: before } = lease.record;
    let failure: Error | undefined;
    try {
      // A failed write rewinds the session; the entry then says the size it went back to.
      const upload = await session.suspend().catch((error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error));
        return before;
      });
      const left = await lease.end({
        repository,
        data,
        state: "idle",
        owner,
        ...(claim !== undefined && { claim }),
        size: session.size,
        ...(upload !== undefined && { upload }),
        at: Date.now(),
      });
      if (left === undefined) throw await lease.lostError();
      this.parts.keep(left);
    } catch (error) {
      // The entry in force still tells the place of before: what came since is of no use, and may be what fills the disk.
      await this.#drop().catch(() => undefined);
      throw error;
    } finally {
      await this.#release();
    }
    if (failure !== undefined) throw failure;
  }

  async commit(digest: Digest): Promise<void> {
    const { session, lease, blobs, confirm } = this.parts;
    try {
      await confirm(digest);
      await blobs.commit(lease.record.repository, digest, session.data, await session.finish(digest));
      // Not before: until the blob is there, who asks for the upload must not be told that there is none.
      await this.#end(digest);
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      await this.#release();
    }
  }

  async cancel(): Promise<void> {
    try {
      await this.parts.confirm();
      await this.session.abort();
      await this.#end();
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      await this.#release();
    }
  }

  /** A session whose commit failed is over, unless it is somebody else's by now. */
  async #failed(cause: unknown): Promise<unknown> {
    const { session, lease, register } = this.parts;
    const now = await register.read().catch(() => undefined);
    if (lease.isLost || (now !== undefined && now.value.claim !== lease.record.claim)) {
      await this.#drop().catch(() => undefined);
      return await lease.lostError();
    }
    await session.abort().catch(() => undefined);
    await this.#end().catch(() => undefined);
    // Somebody ended the session between our look at it and our claim.
    return isBerthError(cause, "ALREADY_EXISTS", "OBJECT_UNKNOWN") ? unknownUpload(this.id) : cause;
  }

  /** Frees what only this process knows of: the bytes of before are in use elsewhere, or will be. */
  async #drop(): Promise<void> {
    const { session, lease } = this.parts;
    await (lease.record.upload === undefined ? session.abort() : session.release());
  }

  async #end(digest?: Digest): Promise<void> {
    await this.parts.lease.stop();
    await this.parts.end(digest);
  }

  async #release(): Promise<void> {
    await this.parts.lease.stop();
    this.parts.release();
  }
}
