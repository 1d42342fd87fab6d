import { createHmac, randomBytes } from "node:crypto";

import type { BcryptQueue } from "./bcrypt-queue.js";
import { BoundedMap } from "../bounded-map.js";
import type { FailedLogins } from "./failed-logins.js";
import type { Identity } from "./identity.js";
import type { UserDirectory } from "./user-directory.js";

/** Of nobody's password, at cost 10; for directories without a user whose hash could stand in. */
const NOBODYS_HASH = "$2b$10$ANWH2qkmozu47iVYbUtLpOTzNNfCpOOCwj3MeLwQ6UhU7trCxy2Ve";
const REMEMBER_MS = 5 * 60_000;
const MAX_REMEMBERED = 10_000;

interface Remembered {
  readonly right: Promise<boolean>;
  readonly until: number;
  readonly identity: Identity;
}

/** What does not change when the configuration is reloaded. */
export interface PasswordDefences {
  readonly failures: FailedLogins;
  readonly queue: BcryptQueue;
}

/**
 * Passwords of the users in the directory. A password that was right is remembered for minutes, under a hash with a key that
 * only this process has: a client that sends it with each request costs one bcrypt.
 */
export class PasswordCheck {
  readonly #key = randomBytes(32);
  readonly #remembered = new BoundedMap<string, Remembered>(MAX_REMEMBERED);

  constructor(
    private readonly users: UserDirectory,
    private readonly defences: PasswordDefences,
  ) {}

  /**
   * The user, or undefined when name or password are wrong. Unknown names take as long as wrong passwords.
   * @throws BerthError TOO_MANY_REQUESTS with `retryAfterSeconds`
   */
  async verify(user: string, password: string, address: string): Promise<Identity | undefined> {
    // Before what is remembered: else whoever is locked out could still find the right password there.
    this.defences.failures.assertOpen(user, address);
    await this.users.look();
    let entry = this.#rememberedOf(user, password);
    if (entry === undefined) {
      // A file that has just changed must not make a new user's first login fail.
      await this.users.refresh();
      entry = this.#rememberedOf(user, password) ?? this.#attempt(user, password, address);
    }
    return (await entry.right) ? entry.identity : undefined;
  }

  /** UserDirectory.fingerprintOf as of this moment: what lives for weeks must not outlive a password by a second. */
  async fingerprintOf(user: string): Promise<string | undefined> {
    await this.users.refresh();
    return this.users.fingerprintOf(user);
  }

  #rememberedOf(user: string, password: string): Remembered | undefined {
    const entry = this.#remembered.get(this.#keyOf(user, password));
    return entry !== undefined && entry.until > performance.now() ? entry : undefined;
  }

  /** Requests that come with the same credentials meanwhile share the attempt. */
  #attempt(user: string, password: string, address: string): Remembered {
    const { failures, queue } = this.defences;
    const key = this.#keyOf(user, password);
    const attempt = failures.begin(user, address);
    const right = this.#check(queue, this.users.hashOf(user), password).then(
      (isRight) => {
        if (isRight) attempt.wasRight();
        else this.#remembered.delete(key);
        return isRight;
      },
      (error: unknown) => {
        attempt.wasDropped();
        this.#remembered.delete(key);
        throw error;
      },
    );
    const entry: Remembered = { right, until: performance.now() + REMEMBER_MS, identity: { user, groups: [] } };
    this.#remembered.set(key, entry);
    return entry;
  }

  #keyOf(user: string, password: string): string {
    const text = JSON.stringify([user, this.users.hashOf(user), password]);
    return createHmac("sha256", this.#key).update(text).digest("base64");
  }

  async #check(queue: BcryptQueue, bcryptHash: string | undefined, password: string): Promise<boolean> {
    const right = await queue.verify(password, bcryptHash ?? this.users.anyHash ?? NOBODYS_HASH);
    return right && bcryptHash !== undefined;
  }
}
