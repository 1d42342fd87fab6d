import type { Command } from "commander";

import { requirePrivilege } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { defineContainerFlags, type ContainerFlags } from "../container/container-flags.js";
import { containerRequest } from "../container/container-request.js";
import { createWithPull } from "../container/create-with-pull.js";
import { engineOf } from "../container/engine-of.js";

export function define(command: Command, host: CommandHost): void {
  defineContainerFlags(command).action(async (image: string, args: readonly string[], flags: ContainerFlags) => {
    requirePrivilege();
    const engine = engineOf(host.context());
    const request = containerRequest(image, args, flags, { detached: false });
    const record = await createWithPull(engine, request, flags);
    process.stdout.write(`${record.ID}\n`);
  });
}
