import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { requirePrivilege, startContainer, removeContainer } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { defineContainerFlags, type ContainerFlags } from "../container/container-flags.js";
import { containerRequest } from "../container/container-request.js";
import { createWithPull } from "../container/create-with-pull.js";
import { DEFAULT_DETACH_KEYS } from "../container/detach-keys.js";
import { engineOf } from "../container/engine-of.js";
import { runInForeground } from "../container/foreground.js";

interface RunFlags extends ContainerFlags {
  readonly detach?: boolean;
  readonly detachKeys: string;
  readonly sigProxy: boolean;
}

export function define(command: Command, host: CommandHost): void {
  defineContainerFlags(command)
    .option("-d, --detach", "leave it running and print its ID")
    .option("--detach-keys <keys>", "typed to leave a container running", DEFAULT_DETACH_KEYS)
    .option("--no-sig-proxy", "do not pass signals on to it")
    .action(async (image: string, args: readonly string[], flags: RunFlags) => {
      requirePrivilege();
      const detached = flags.detach === true;
      if (!detached && flags.tty === true && flags.interactive === true && !process.stdin.isTTY) {
        throw new BerthError("USAGE", "-it needs a terminal on standard input: leave -t out, or use -d");
      }
      const engine = engineOf(host.context());
      const request = { ...containerRequest(image, args, flags, { detached }), startedNext: true };
      const record = await createWithPull(engine, request, flags);
      if (!detached) {
        const code = await runInForeground(engine, record, {
          stdin: flags.interactive === true,
          detachKeys: flags.detachKeys,
          proxySignals: flags.sigProxy,
        });
        host.exit(code);
        return;
      }
      try {
        const { warnings } = await startContainer(engine, record.ID, { attach: false });
        for (const warning of warnings) process.stderr.write(`berth: warning: ${warning}\n`);
      } catch (error) {
        if (flags.rm) await removeContainer(engine, record.ID, { force: true });
        throw error;
      }
      process.stdout.write(`${record.ID}\n`);
    });
}
