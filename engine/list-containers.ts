import { isRunning, type Container } from "./container-record.js";
import type { Engine } from "./engine.js";
import { currentState } from "./lifecycle/current-state.js";

/** Newest first; only running ones unless `all`. A container that is removed meanwhile is passed over. */
export function listContainers(engine: Engine, options: { readonly all: boolean }): Container[] {
  const containers = engine.containers.ids().flatMap((id) => findNow(engine, id) ?? []);
  return containers
    .filter(({ state }) => options.all || isRunning(state))
    .sort((a, b) => (a.record.Created < b.record.Created ? 1 : -1));
}

/** @throws BerthError CONTAINER_UNKNOWN, CONFLICT */
export function findContainer(engine: Engine, nameOrId: string): Container {
  const id = engine.containers.resolve(nameOrId);
  const container = engine.containers.require(id);
  return { record: container.record, state: currentState(engine, container).state };
}

function findNow(engine: Engine, id: string): Container | undefined {
  const container = engine.containers.load(id);
  return container && { record: container.record, state: currentState(engine, container).state };
}
