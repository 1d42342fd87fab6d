import type { SeccompPlan } from "./addon-contract.js";
import { loadAddon } from "./load-addon.js";
import { asNativeError } from "./native-error.js";

interface SeccompAddon {
  compileSeccomp(profile: SeccompPlan): Uint8Array;
}

/** @throws NativeError for a rule that libseccomp refuses; names of system calls that it does not know are passed over */
export function compileSeccomp(profile: SeccompPlan): Uint8Array {
  try {
    return loadAddon<SeccompAddon>().compileSeccomp(profile);
  } catch (error) {
    throw asNativeError(error);
  }
}
