import type { Digest } from "../oci/digest.js";
import { isRunning } from "./container-record.js";
import type { Engine } from "./engine.js";
import { currentState } from "./lifecycle/current-state.js";

/** The containers that were made from an image, for whoever is about to remove it. */
export function imageUsers(engine: Engine, imageId: Digest): { containerId: string; running: boolean }[] {
  return engine.containers.ids().flatMap((id) => {
    const container = engine.containers.load(id);
    if (container?.record.Image !== imageId) return [];
    return [{ containerId: id, running: isRunning(currentState(engine, container).state) }];
  });
}
