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
    const first = await messages.next();
    if (first.done) throw new BerthError("CONTAINER_STATE", `container ${record.Name} ended before it could run this`);
    const answer = first.value;
    if (answer.type === "error") throw launchFailure(answer.error, request.args[0] ?? "");
    if (answer.type !== "started") throw new BerthError("NATIVE", `the shim answered ${answer.type} to exec`);
    return { pid: answer.pid, connection, messages };
  } catch (error) {
    connection.close();
    throw error;
  }
}
