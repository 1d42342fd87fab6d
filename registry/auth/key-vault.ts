/** Where the keys that sign tokens are kept, for all replicas of a registry. */
export interface KeyVault {
  /** For messages. */
  readonly place: string;
  list(): Promise<readonly string[]>;
  /** Undefined when there is no such key. @throws BerthError STORAGE when it cannot be read */
  read(kid: string): Promise<Buffer | undefined>;
  /** Durable when it resolves. @throws BerthError STORAGE, PRIVILEGE */
  create(kid: string, bytes: Uint8Array): Promise<void>;
  /** Idempotent. */
  remove(kid: string): Promise<void>;
}
