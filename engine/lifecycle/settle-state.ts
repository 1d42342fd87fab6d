import type { Container, ContainerState } from "../container-record.js";
import type { Engine } from "../engine.js";
import { clearLeftovers } from "./clear-leftovers.js";
import { currentState } from "./current-state.js";

/** Writes down how a container really is, and clears away what a shim that was killed has left. The caller holds its lock. */
export async function settleState(engine: Engine, container: Container): Promise<ContainerState> {
  const { state, crashed } = currentState(engine, container);
  if (crashed) await clearLeftovers(engine, container.record);
  if (state !== container.state) engine.containers.writeState(container.record.ID, state);
  return state;
}
