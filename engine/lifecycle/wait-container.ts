import { setTimeout as sleep } from "node:timers/promises";

import { isBerthError } from "../../oci/errors.js";
import { shimRequest } from "../../runtime-native/shim-protocol.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { ShimConnection } from "../shim/shim-connection.js";
import { currentState } from "./current-state.js";

/** A shim that does not answer, and has written no exit record, is ending or was killed: /proc soon shows which. */
const LOOK_AGAIN_MS = 10;

/**
 * Resolves when the container does not run any more, with its exit code; undefined when it was removed before that was known.
 * @param signal ends the waiting; the promise then rejects with its reason
 */
export async function waitContainer(engine: Engine, id: string, signal?: AbortSignal): Promise<number | undefined> {
  for (;;) {
    const container = engine.containers.load(id);
    if (container === undefined) return undefined;
    const { state } = currentState(engine, container);
    if (!isRunning(state)) return state.ExitCode;
    const told = await exitCodeFromShim(engine.paths.of(id).socket, signal);
    signal?.throwIfAborted();
    if (told !== undefined) return told;
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

async function exitCodeFromShim(socketPath: string, signal: AbortSignal | undefined): Promise<number | undefined> {
  let connection: ShimConnection;
  try {
    connection = await ShimConnection.open(socketPath);
  } catch (error) {
    if (isBerthError(error, "CONTAINER_STATE")) return undefined;
    throw error;
  }
  const close = (): void => {
    connection.close();
  };
  signal?.addEventListener("abort", close, { once: true });
  try {
    connection.send(shimRequest.wait());
    for await (const message of connection.messages()) {
      if (message.type === "exit") return message.exitCode;
    }
    return undefined;
  } finally {
    signal?.removeEventListener("abort", close);
    connection.close();
  }
}
