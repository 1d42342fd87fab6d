import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

import { BerthError, isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, lastComponentOf } from "../storage/key-tree.js";
import { listAllKeys } from "../storage/whole-listing.js";
import type { KeyVault } from "./key-vault.js";

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keys in the registry's own store, each sealed (AES-256-GCM) under a secret of the configuration: whoever reads the store,
 * or a backup of it, can sign nothing. An object is salt, nonce, tag, ciphertext; its name is authenticated as well.
 */
export class SealedKeys implements KeyVault {
  readonly place = "the object store, sealed";

  constructor(
    private readonly store: ObjectStore,
    private readonly secret: string,
  ) {}

  async list(): Promise<readonly string[]> {
    return (await listAllKeys(this.store, `${keys.signingKeys}/`)).map(lastComponentOf);
  }

  async read(kid: string): Promise<Buffer | undefined> {
    let sealed: Buffer;
    try {
      sealed = await this.store.get(keys.signingKey(kid));
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
    try {
      return this.#unseal(kid, sealed);
    } catch (cause) {
      throw new BerthError("STORAGE", `object ${keys.signingKey(kid)} was not sealed under auth.keys.secret`, {
        cause,
      });
    }
  }

  async create(kid: string, bytes: Uint8Array): Promise<void> {
    const salt = randomBytes(SALT_BYTES);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#keyFor(salt), nonce).setAAD(Buffer.from(kid));
    const text = Buffer.concat([cipher.update(bytes), cipher.final()]);
    const sealed = Buffer.concat([salt, nonce, cipher.getAuthTag(), text]);
    await this.store.put(keys.signingKey(kid), sealed, { ifAbsent: true });
  }

  async remove(kid: string): Promise<void> {
    await this.store.delete(keys.signingKey(kid));
  }

  #unseal(kid: string, sealed: Buffer): Buffer {
    const nonce = sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
    const tag = sealed.subarray(SALT_BYTES + NONCE_BYTES, SALT_BYTES + NONCE_BYTES + TAG_BYTES);
    const key = this.#keyFor(sealed.subarray(0, SALT_BYTES));
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(kid)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(SALT_BYTES + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  }

  #keyFor(salt: Uint8Array): Buffer {
    return Buffer.from(hkdfSync("sha256", this.secret, salt, "berth token signing keys", 32));
  }
}
