import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { Reference } from "../../oci/reference.js";
import { commitLayer } from "../../puller/index.js";
import type { ContainerConfig } from "../container-config.js";
import type { Engine } from "../engine.js";
import { settleState } from "../lifecycle/settle-state.js";
import { committedConfig } from "./committed-config.js";
import { whileFrozen } from "./while-frozen.js";

export interface CommitRequest {
  readonly reference?: Reference;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** Hold a running container's processes still meanwhile. */
  readonly pause: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of the container's image and one more layer with what the container has changed. The container can
 * neither start nor be removed meanwhile.
 * @returns the image's ID
 * @throws BerthError CONTAINER_UNKNOWN, IMAGE_UNKNOWN, USAGE, NO_SPACE, CONTROLLER_MISSING, ABORTED; nothing is left then
 */
export async function commitContainer(engine: Engine, id: string, request: CommitRequest): Promise<Digest> {
  const { reference, author, message, changes, pause, signal } = request;
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const { record } = container;
    const state = await settleState(engine, container);
    // Images that containers were made from are not removed: no hold on the store, which committing itself waits for.
    const base = engine.store.images.find(record.Image);
    return await commitLayer(engine.options.root, {
      base,
      upper: engine.store.overlay.paths(id).diff,
      config: committedConfig(base.config.config ?? {}, record.Config),
      changes,
      createdBy: commandOf(record.Config),
      ...(pause && state.Status === "running" && { whileStill: (work) => whileFrozen(engine, record, state, work) }),
      ...(reference !== undefined && { reference }),
      ...(author !== undefined && { author }),
      ...(message !== undefined && { message }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw new BerthError("ABORTED", "the commit was cancelled", { cause: error });
    throw error;
  } finally {
    lock.release();
  }
}

/** Docker's CREATED BY of a committed layer is the command without the entrypoint. */
function commandOf({ Cmd, Entrypoint }: ContainerConfig): string {
  return (Cmd ?? Entrypoint ?? []).join(" ");
}
