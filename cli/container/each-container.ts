import { isBerthError } from "../../oci/errors.js";
import type { Engine } from "../../engine/index.js";
import type { CommandHost } from "../command.js";

/** Does the same to each of several containers and prints its name as given; a failure of one does not keep the others from it. */
export async function eachContainer(
  host: CommandHost,
  engine: Engine,
  names: readonly string[],
  work: (id: string, name: string) => Promise<void>,
): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      try {
        await work(engine.containers.resolve(name), name);
      } catch (error) {
        if (!isBerthError(error)) throw error;
        process.stderr.write(`berth: ${error.message}\n`);
        host.exit(1);
      }
    }),
  );
}
