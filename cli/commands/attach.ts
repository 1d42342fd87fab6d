import type { Command } from "commander";

import { attachContainer, findContainer, waitContainer } from "../../engine/index.js";
import { shimRequest } from "../../runtime-native/shim-protocol.js";
import type { CommandHost } from "../command.js";
import { DEFAULT_DETACH_KEYS } from "../container/detach-keys.js";
import { engineOf } from "../container/engine-of.js";
import { proxySignals } from "../container/signal-proxy.js";
import { pumpStreams, terminalSize } from "../container/stream-pump.js";

interface Flags {
  readonly stdin: boolean;
  readonly sigProxy: boolean;
  readonly detachKeys: string;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .option("--no-stdin", "do not pass standard input on to it")
    .option("--no-sig-proxy", "do not pass signals on to it")
    .option("--detach-keys <keys>", "typed to leave a container running", DEFAULT_DETACH_KEYS)
    .action(async (name: string, flags: Flags) => {
      const engine = engineOf(host.context());
      const { ID, Config } = findContainer(engine, name).record;
      const stdin = flags.stdin && Config.OpenStdin;
      const connection = await attachContainer(engine, ID, { stdin, stdout: true, stderr: true });
      const size = Config.Tty ? terminalSize() : undefined;
      if (size) connection.send(shimRequest.resize(size));
      const stop = flags.sigProxy ? proxySignals(engine, ID) : undefined;
      const options = { stdin, tty: Config.Tty, detachKeys: flags.detachKeys };
      const result = await pumpStreams(connection, options).finally(stop);
      if (result.kind === "exit") host.exit(result.exitCode);
      else if (result.kind === "lost") host.exit((await waitContainer(engine, ID)) ?? 1);
    });
}
