import { Refusal } from "../http/refusal.js";

/** bcrypt runs on libuv's few threads, which the file system needs as well. */
const MAX_RUNNING = 2;
const MAX_WAITING = 100;

/** Checks passwords a few at a time, so that a flood of logins leaves the registry serving those who are logged in. */
export class BcryptQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @throws BerthError TOO_MANY_REQUESTS with `retryAfterSeconds` */
  async verify(password: string, bcryptHash: string): Promise<boolean> {
    if (this.#running >= MAX_RUNNING) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new Refusal("TOO_MANY_REQUESTS", "lockout", "too many logins at once: try again", {
          details: { retryAfterSeconds: 1 },
        });
      }
      // Whoever ends hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      const { verify } = await import("@node-rs/bcrypt");
      return await verify(password, bcryptHash);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
