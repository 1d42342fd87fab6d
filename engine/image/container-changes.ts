import { asBerthError } from "../../puller/install/native-failure.js";
import type { Engine } from "../engine.js";
import { requirePrivilege } from "../lifecycle/privilege.js";
import { settleState } from "../lifecycle/settle-state.js";
import { withLowerView, withRootView } from "./root-view.js";
import { compareTrees, type Change } from "./tree-comparison.js";

/**
 * What a container has changed of the files that it started with.
 * @throws BerthError CONTAINER_UNKNOWN, PRIVILEGE
 */
export async function containerChanges(engine: Engine, id: string): Promise<Change[]> {
  requirePrivilege();
  const lock = await engine.containers.lock(id);
  try {
    const container = engine.containers.require(id);
    const { record } = container;
    const state = await settleState(engine, container);
    const upper = engine.store.overlay.paths(id).diff;
    return await withRootView(engine, record, state, (merged) =>
      withLowerView(engine, record, (lower) => Promise.resolve(compareTrees({ upper, merged, lower }))),
    );
  } catch (error) {
    throw asBerthError(error, `failed to compare container ${id.slice(0, 12)} with its image`);
  } finally {
    lock.release();
  }
}
