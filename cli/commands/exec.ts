import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { execContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { DEFAULT_DETACH_KEYS } from "../container/detach-keys.js";
import { engineOf } from "../container/engine-of.js";
import { collectEnvironment } from "../container/environment-files.js";
import { pumpStreams, terminalSize } from "../container/stream-pump.js";

const list = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const NONE: readonly string[] = [];

interface Flags {
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly detachKeys: string;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .argument("<command...>", "what to run in it")
    .passThroughOptions()
    .option("-d, --detach", "leave it running and print nothing")
    .option("-i, --interactive", "pass standard input on to it")
    .option("-t, --tty", "give it a terminal")
    .option("-e, --env <name=value>", "set an environment variable", list, NONE)
    .option("--env-file <file>", "read environment variables from a file", list, NONE)
    .option("-w, --workdir <dir>", "working directory in the container")
    .option("-u, --user <user[:group]>", "names or numbers, of the container")
    .option("--privileged", "with all capabilities")
    .option("--detach-keys <keys>", "typed to leave it running", DEFAULT_DETACH_KEYS)
    .action(async (name: string, args: readonly string[], flags: Flags) => {
      const engine = engineOf(host.context());
      const [tty, stdin, detach] = [flags.tty === true, flags.interactive === true, flags.detach === true];
      if (tty && stdin && !detach && !process.stdin.isTTY) {
        throw new BerthError("USAGE", "-it needs a terminal on standard input: leave -t out");
      }
      const size = tty ? terminalSize() : undefined;
      const session = await execContainer(engine, engine.containers.resolve(name), {
        args,
        env: collectEnvironment(flags.env, flags.envFile),
        ...(flags.workdir !== undefined && { cwd: flags.workdir }),
        ...(flags.user !== undefined && { user: flags.user }),
        tty,
        openStdin: stdin && !detach,
        detach,
        privileged: flags.privileged === true,
        ...(size && { consoleSize: size }),
      });
      if (detach) {
        session.connection.close();
        return;
      }
      const { connection, messages } = session;
      const result = await pumpStreams(connection, { stdin, tty, detachKeys: flags.detachKeys, messages });
      if (result.kind === "exit") host.exit(result.exitCode);
      // Its container ended, or was removed, under it.
      else if (result.kind === "lost") host.exit(137);
    });
}
