import type { Command } from "commander";

import { forgetCredentials } from "../../puller/credentials/keep-credentials.js";
import { keyOfRegistry, registryNamed } from "../../puller/credentials/server-names.js";
import type { CommandHost } from "../command.js";

export function define(command: Command, _host: CommandHost): void {
  command
    .argument("[server]", "host[:port] of the registry (default: Docker Hub)")
    .action(async (server: string | undefined) => {
      const registry = registryNamed(server);
      const forgotten = await forgetCredentials(registry);
      const what = forgotten ? "Removing login credentials for" : "Not logged in to";
      process.stdout.write(`${what} ${keyOfRegistry(registry)}\n`);
    });
}
