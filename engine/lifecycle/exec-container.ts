import { BerthError } from "../../oci/errors.js";
import { shimRequest, type ShimMessage } from "../../runtime-native/shim-protocol.js";
import { isRunning } from "../container-record.js";
import type { Engine } from "../engine.js";
import { findContainer } from "../list-containers.js";
import { ShimConnection } from "../shim/shim-connection.js";
import { processPlan } from "../spec/process-plan.js";
import { launchFailure } from "./launch-failure.js";
import { requirePrivilege } from "./privilege.js";

export interface ExecRequest {
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Absent: the container's. */
  readonly cwd?: string;
  readonly user?: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly detach: boolean;
  readonly privileged: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

export interface ExecSession {
  readonly pid: number;
  readonly connection: ShimConnection;
  /** What came after STARTED. */
  readonly messages: AsyncGenerator<ShimMessage>;
}

/**
 * Runs one more process in a running container; resolves when it has been executed. The caller closes the connection.
 * @throws BerthError CONTAINER_STATE, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, USAGE
 */
export async function execContainer(engine: Engine, id: string, request: ExecRequest): Promise<ExecSession> {
  requirePrivilege();
  const { record, state } = findContainer(engine, id);
  if (!isRunning(state))
    throw new BerthError("CONTAINER_STATE", `container ${record.Name} is not running: start it first`);
  if (state.Status === "paused")
    throw new BerthError("CONTAINER_STATE", `container ${record.Name} is paused: unpause it first`);
  const plan = processPlan(engine, record, {
    args: request.args,
    env: request.env,
    cwd: request.cwd ?? record.Config.WorkingDir,
    user: request.user ?? record.Config.User,
    tty: request.tty,
    privileged: request.privileged || record.HostConfig.Privileged,
    ...(request.consoleSize && { consoleSize: request.consoleSize }),
  });
  const connection = await ShimConnection.open(engine.paths.of(id).socket);
  try {
    connection.send(shimRequest.exec(plan, { detach: request.detach, openStdin: request.openStdin }));
    const messages = connection.messages();
    const early: ShimMessage[] = [];
    for (;;) {
      const next = await messages.next();
      if (next.done) throw new BerthError("CONTAINER_STATE", `container ${record.Name} ended before it could run this`);
      const message = next.value;
      if (message.type === "error") throw launchFailure(message.error, request.args[0] ?? "");
      if (message.type === "started") return { pid: message.pid, connection, messages: replay(early, messages) };
      // The process may write before the shim has learnt that execve worked.
      early.push(message);
    }
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function* replay(early: readonly ShimMessage[], rest: AsyncGenerator<ShimMessage>): AsyncGenerator<ShimMessage> {
  yield* early;
  yield* rest;
}
