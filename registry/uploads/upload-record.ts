import type { Digest } from "../../oci/digest.js";

/** An upload session as the store knows it, so that any process may go on with it. */
export interface UploadRecord {
  readonly repository: string;
  /** keys.data of the bytes, once they are complete. */
  readonly data: string;
  /**
   * busy: `owner` is receiving bytes, and nobody else may. ended: cancelled, also over the head of whoever was receiving, or
   * committed by `owner`, or about to be; stays for a while, so that the number which ended it cannot be taken again.
   */
  readonly state: "idle" | "busy" | "ended";
  /** Of a session that ended by a commit, which is over when the blob is there. A commit that has failed takes it back. */
  readonly digest?: Digest;
  /** processIdentity of the process that wrote this entry, and which of its registries. */
  readonly owner: string;
  /** Of one request's hold on the session: the same in the claim, its renewals and what it leaves. */
  readonly claim?: string;
  /** The holder before this one lost its lease while it may still have been running, and may still be writing. */
  readonly contested?: boolean;
  /** Bytes received, as of the last idle entry, or of the one that tells the digest. */
  readonly size: number;
  /** UploadWriter.suspend at that size; absent while nothing was received. */
  readonly upload?: string;
  readonly at: number;
}
