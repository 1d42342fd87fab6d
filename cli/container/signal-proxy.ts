import { constants } from "node:os";

import { isBerthError } from "../../oci/errors.js";
import { killContainer, type Engine } from "../../engine/index.js";

const PROXIED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCONT"] as const;

/** Passes signals on to a container's first process, as Docker's --sig-proxy. @returns how to stop */
export function proxySignals(engine: Engine, id: string): () => void {
  const handler = (signal: NodeJS.Signals): void => {
    killContainer(engine, id, constants.signals[signal]).catch((error: unknown) => {
      // It may end, or be removed, before the signal reaches it.
      if (!isBerthError(error, "CONTAINER_STATE", "CONTAINER_UNKNOWN"))
        process.stderr.write(`berth: ${String(error)}\n`);
    });
  };
  for (const signal of PROXIED) process.on(signal, handler);
  return () => {
    for (const signal of PROXIED) process.off(signal, handler);
  };
}
