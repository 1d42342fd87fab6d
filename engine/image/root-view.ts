import { closeSync, statSync } from "node:fs";

import { BerthError } from "../../oci/errors.js";
import { openOverlayView } from "../../runtime-native/index.js";
import { isRunning, type ContainerRecord, type ContainerState } from "../container-record.js";
import type { Engine } from "../engine.js";

/**
 * Gives `work` a directory with the container's whole file tree: the one it runs on, or a read-only view that nobody else
 * sees. The caller holds its lock until then, as a start would make the layers of the view writable.
 */
export async function withRootView<T>(
  engine: Engine,
  { ID }: ContainerRecord,
  state: ContainerState,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const { overlay } = engine.store;
  if (isRunning(state)) {
    const { directory, merged } = overlay.paths(ID);
    if (statSync(merged).dev === statSync(directory).dev) {
      throw new BerthError("CONTAINER_STATE", `${merged} is not mounted here: run this in the host's mount namespace`);
    }
    return work(merged);
  }
  return withLayers(engine, [`l/${overlay.link(ID)}`, ...overlay.lowerLinks(ID)], work);
}

/** A read-only view of what the container started with: the image's layers and the -init layer. */
export function withLowerView<T>(
  engine: Engine,
  { ID }: ContainerRecord,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  return withLayers(engine, engine.store.overlay.lowerLinks(ID), work);
}

async function withLayers<T>(
  engine: Engine,
  links: readonly string[],
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const descriptor = await openOverlayView(engine.store.overlay.base, links);
  try {
    return await work(`/proc/self/fd/${String(descriptor)}`);
  } finally {
    closeSync(descriptor);
  }
}
