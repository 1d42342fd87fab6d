/**
 * The one contract between berth and the place where its registry keeps everything. A driver is right when the shared
 * suite in test/integration/storage/ passes on it. Nothing here knows HTTP, OCI or whether parts are uploaded.
 *
 * Keys are `/`-separated components of `A-Z a-z 0-9 ! - . _`, none of them empty or starting with a dot, at most 255
 * characters each and 1,024 in all. No key may be a directory of another (`a` and `a/b`).
 *
 * Every method may throw NO_SPACE when the medium is full, UNAVAILABLE when it does not answer now, and STORAGE for any other
 * fault of it; they leave the store as it was before the call unless a method says otherwise, but for UNAVAILABLE, after
 * which what was asked for may have been done. A malformed key is a bug of the caller: STORAGE.
 */
export interface ObjectStore {
  /**
   * Stores a small object whole. Idempotent unless `ifAbsent`. When the promise resolves the object is visible to every
   * process and survives a loss of power (but see `volatile`); until then readers see what was there before, never a part.
   * @throws BerthError ALREADY_EXISTS with `ifAbsent` when the key exists. Of any number of concurrent creations of one
   *   key, by any processes, exactly one resolves.
   */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;

  /**
   * Begins an object of any size that is written in pieces, or goes on with one.
   * @param state what `UploadWriter.suspend` returned, perhaps to another process; absent for a new upload
   * @throws BerthError OBJECT_UNKNOWN when what `state` speaks of is gone (completed, aborted, swept). A state that holds
   *   all bytes itself, which a driver may give for a few, speaks of nothing that an abort could take away.
   */
  openUpload(key: string, state?: string, options?: OpenUploadOptions): Promise<UploadWriter>;

  /** A small object whole. @throws BerthError OBJECT_UNKNOWN */
  get(key: string): Promise<Buffer>;

  /**
   * Opens an object for reading; the reader sees it whole even if it is deleted meanwhile. The caller must end the
   * iteration of `chunks` or call `close`.
   * @param range first byte and number of bytes, inside the object; the whole object when absent
   * @throws BerthError OBJECT_UNKNOWN
   */
  open(key: string, range?: ByteSpan): Promise<ObjectBody>;

  /** Idempotent. Undefined when there is no such object. */
  stat(key: string): Promise<ObjectInfo | undefined>;

  /**
   * One page of the keys that begin with `prefix`, in ascending order of their bytes. What a resolved `put` or `delete`
   * of any process did is seen. Objects that come or go during the call may be seen or not.
   */
  list(query: ListQuery): Promise<ListPage>;

  /** Idempotent: resolves when the object is gone, also when it was not there. Not durable: a loss of power may bring it back. */
  delete(key: string): Promise<void>;

  /** As `delete` for each of a few keys, in no order, for less than as many deletions where the medium can. */
  deleteAll(keys: readonly string[]): Promise<void>;

  /**
   * A token for the state of the object at `key`, or of the set of keys directly below `key/`. While two tokens are equal
   * nothing of it was created, replaced or deleted in between, so that what was read after the first still holds.
   * Undefined when there is nothing, when it changed too recently to tell, or when the medium has no cheap way to know.
   */
  stampOf(key: string): Promise<string | undefined>;

  /**
   * A URL from which whoever has it may read the object until it expires, with Range and without any credentials.
   * Costs no request to the medium, and does not look whether the object exists. Absent when the medium has no such thing.
   */
  presign?(key: string, lifetimeSeconds: number): Promise<string>;

  /**
   * Frees what uploads hold that nobody has written to for longer than `ageMs` and that were neither completed nor aborted.
   * Where the medium only knows when they were begun, that counts. Absent when the medium has no such leftovers.
   * @param isAbandoned asked for the key of an upload where the medium knows it: others may use the same place. All are when absent
   * @returns how many it ended
   */
  sweepUploads?(ageMs: number, isAbandoned?: (key: string) => Promise<boolean>): Promise<number>;

  readonly traits: StoreTraits;

  /** Frees what the driver holds. Calls under way may fail. */
  close(): Promise<void>;
}

/** In what media differ that can all hold a registry. */
export interface StoreTraits {
  /**
   * Of any number of concurrent creations of one key exactly one resolves, and listings show what was just written. Where the
   * medium does not keep this, one process alone may use it, and nothing may collect garbage beside it.
   */
  readonly conditionalCreate: boolean;
  /** Where it does not, why: what follows "the store ..." in a message. */
  readonly weakness?: string;
  /**
   * On a medium without stamps, how long what was read may be taken for what is there, where that does no harm (what a
   * digest names). 0 where stamps tell exactly. What somebody may still have in mind must not be deleted before this time
   * is over (data of a blob whose pointer is a tombstone).
   */
  readonly staleForMs: number;
  /** Each operation is a request over a network, paid for one by one: what can be done for many at once is. */
  readonly remote?: boolean;
}

export interface PutOptions {
  /** Create only (If-None-Match: *). */
  readonly ifAbsent?: boolean;
  /** The object may be lost with the host's power, though not with the process: for what a client can start again. */
  readonly volatile?: boolean;
  /** The object may be lost with the host's power, but is whole where it is not. */
  readonly mayBeLost?: boolean;
  /**
   * The object appears only after this has resolved, though all that can be done before may be. When it rejects, `put` rejects
   * likewise, and nothing is there.
   */
  readonly after?: Promise<unknown>;
}

export interface OpenUploadOptions {
  /**
   * The writer of before may still be running, though it has lost its right to the upload: nothing that it does from now on
   * may change what the new writer was given or accepts. At worst the new writer fails.
   */
  readonly contested?: boolean;
}

/** Not for use by two callers at a time; the caller sees to it that only one process goes on with an upload. */
export interface UploadWriter {
  /** Bytes accepted so far, those of earlier writers of the same upload included. */
  readonly size: number;
  /**
   * Takes the chunk, which must not be changed afterwards. Returns a promise when the caller should wait before it
   * offers more. After a failure every further call fails likewise; `abort` is what remains.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Resolves when all accepted bytes are kept so that another process can go on, to the state that `openUpload` wants.
   * The writer itself remains usable. The bytes survive the process, not a loss of power.
   */
  suspend(): Promise<string>;
  /** No more bytes will come: what can be made durable at once is, so that `complete` has less to wait for. */
  prepare(): void;
  /**
   * Makes the object visible at its key, whole and durable. Ends the writer. Who has yet to look at the bytes opens the
   * object then: S3 does not give back the parts of an unfinished upload.
   * @throws BerthError ALREADY_EXISTS when the key exists: an upload never replaces an object. Some S3 servers (Ceph RGW 16)
   *   do not keep that for two that complete objects of several parts at the same moment: their keys must be ones that are used
   *   once.
   */
  complete(): Promise<void>;
  /** False once somebody else has completed or aborted the upload: what is written then would go astray. */
  isCurrent(): Promise<boolean>;
  /** Idempotent. Forgets the upload and frees its bytes. Ends the writer. */
  abort(): Promise<void>;
  /** Idempotent. Frees the process's resources and leaves the upload to be resumed from its last state. */
  release(): Promise<void>;
}

export interface ByteSpan {
  readonly start: number;
  readonly length: number;
}

export interface ObjectBody {
  /** Of the whole object, whatever the range. */
  readonly size: number;
  /** To be iterated once. A chunk is valid until the next one is asked for. @throws BerthError STORAGE when bytes are missing */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Idempotent; needed only when `chunks` is not iterated to its end or return. */
  close(): Promise<void>;
}

export interface ObjectInfo {
  readonly size: number;
  /** Milliseconds since the epoch, by the clock of the medium. */
  readonly modifiedAt: number;
}

export interface ListQuery {
  readonly prefix: string;
  /** Only keys (and common prefixes) that sort after this one. */
  readonly startAfter?: string;
  /** `/` groups the keys that share what follows the prefix up to the next `/` into one common prefix. */
  readonly delimiter?: "/";
  /** Whoever asks knows that no key has another `/` behind the prefix, which ends in one: a medium need not look for any. */
  readonly shallow?: boolean;
  /** Of keys and common prefixes together, 1,000 at most; as many as the medium gives at a good price when absent. */
  readonly limit?: number;
}

export interface ListPage {
  readonly keys: readonly string[];
  /** With their trailing `/`. */
  readonly prefixes: readonly string[];
  /** The next page's `startAfter`; absent on the last page. */
  readonly next?: string;
}

export const MAX_LIST_PAGE = 1000;
