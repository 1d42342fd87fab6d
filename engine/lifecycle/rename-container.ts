import { BerthError } from "../../oci/errors.js";
import type { Engine } from "../engine.js";
import { checkContainerName } from "../state/container-names.js";

/**
 * Gives a container another name, whatever its state. A crash in between leaves it both names until it is removed.
 * @throws BerthError NAME_INVALID, ALREADY_EXISTS, CONTAINER_UNKNOWN
 */
export async function renameContainer(engine: Engine, id: string, wanted: string): Promise<void> {
  const name = checkContainerName(wanted);
  const lock = await engine.containers.lock(id);
  try {
    const { record } = engine.containers.require(id);
    if (!engine.names.take(name, id) && engine.names.holder(name) !== id) {
      const holder = engine.names.holder(name)?.slice(0, 12) ?? "another container";
      throw new BerthError("ALREADY_EXISTS", `the container name ${name} is taken by ${holder}`);
    }
    engine.containers.writeRecord({ ...record, Name: name });
    if (record.Name !== name) engine.names.release(record.Name, id);
  } finally {
    lock.release();
  }
}
