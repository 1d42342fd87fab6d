import { loadAddon } from "./load-addon.js";
import { asNativeError } from "./native-error.js";

// What the way to a running container needs of node:crypto, whose loading takes a twentieth of that way.
interface CryptoAddon {
  randomBytes(count: number): Buffer;
  sha256(text: string): `sha256:${string}`;
}

/** From the kernel's generator. @param count at most 256 */
export function randomBytes(count: number): Buffer {
  try {
    return loadAddon<CryptoAddon>().randomBytes(count);
  } catch (error) {
    throw asNativeError(error);
  }
}

/** `sha256:<hex>` of the text's UTF-8. */
export function sha256(text: string): `sha256:${string}` {
  return loadAddon<CryptoAddon>().sha256(text);
}
