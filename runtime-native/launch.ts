import type { LaunchedContainer } from "./addon-contract.js";
import { encodeLaunchPlan } from "./launch-plan-encoding.js";
import type { LaunchPlan } from "./launch-plan.js";
import { loadAddon, SHIM_PATH } from "./load-addon.js";
import { asNativeError } from "./native-error.js";

interface LaunchAddon {
  launchShim(shimPath: string, id: string, plan: Uint8Array): Promise<LaunchedContainer>;
}

/**
 * @throws NativeError with the step that failed; nothing of the container is left then. Codes: COMMAND_NOT_FOUND and
 *   COMMAND_NOT_EXECUTABLE for its command (exit 127 and 126 in a shell's terms), INVALID_PLAN, else SYSTEM
 */
export async function launchShim(plan: LaunchPlan): Promise<LaunchedContainer> {
  const encoded = encodeLaunchPlan(plan);
  try {
    return await loadAddon<LaunchAddon>().launchShim(SHIM_PATH, plan.id, encoded);
  } catch (error) {
    throw asNativeError(error);
  }
}
