import { BerthError } from "../../oci/errors.js";

/** Of new hashes; a check takes some 70 ms. */
const COST = 10;
/** bcrypt takes no more, and would cut the rest off in silence. */
const MAX_PASSWORD_BYTES = 72;

/** @throws BerthError USAGE for a password that bcrypt would not take whole */
export async function hashPassword(password: string): Promise<string> {
  if (password === "") throw new BerthError("USAGE", "the password is empty");
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new BerthError(
      "USAGE",
      `the password is longer than ${String(MAX_PASSWORD_BYTES)} bytes, which is all that bcrypt takes`,
    );
  }
  if (/\p{Cc}/u.test(password)) throw new BerthError("USAGE", "the password has control characters");
  const { hash } = await import("@node-rs/bcrypt");
  return await hash(password, COST);
}
