import { BerthError, isBerthError } from "../../oci/errors.js";
import {
  removeContainer,
  ShimConnection,
  startContainer,
  waitContainer,
  type ContainerRecord,
  type Engine,
} from "../../engine/index.js";
import { proxySignals } from "./signal-proxy.js";
import { pumpStreams, terminalSize, type PumpResult } from "./stream-pump.js";

export interface ForegroundOptions {
  readonly stdin: boolean;
  readonly detachKeys: string;
  readonly proxySignals: boolean;
}

/**
 * Starts a container joined to this process's streams and stays until it ends; one with `--rm` is removed then, also when it
 * could not be started.
 * @returns its exit code; 0 when the user detached
 */
export async function runInForeground(
  engine: Engine,
  record: ContainerRecord,
  options: ForegroundOptions,
): Promise<number> {
  const { ID, Config, HostConfig } = record;
  const size = Config.Tty ? terminalSize() : undefined;
  let result: PumpResult;
  try {
    const started = await startContainer(engine, ID, {
      attach: true,
      removedByCaller: true,
      ...(size && { consoleSize: size }),
    });
    for (const warning of started.warnings) process.stderr.write(`berth: warning: ${warning}\n`);
    if (started.attachFd === undefined) throw new BerthError("NATIVE", "the shim gave no connection to its output");
    const stop = options.proxySignals ? proxySignals(engine, ID) : undefined;
    const connection = ShimConnection.adopt(started.attachFd);
    result = await pumpStreams(connection, { ...options, tty: Config.Tty }).finally(stop);
  } catch (error) {
    if (HostConfig.AutoRemove) await removeQuietly(engine, ID);
    throw error;
  }
  if (result.kind === "detached") return 0;
  const exitCode = result.kind === "exit" ? result.exitCode : await waitContainer(engine, ID);
  if (HostConfig.AutoRemove) await removeQuietly(engine, ID);
  return exitCode ?? 125;
}

/** Somebody else may have removed it already. */
async function removeQuietly(engine: Engine, id: string): Promise<void> {
  try {
    await removeContainer(engine, id, { force: true });
  } catch (error) {
    if (!isBerthError(error, "CONTAINER_UNKNOWN")) throw error;
  }
}
