import type { Command } from "commander";

import type { CommandHost } from "../command.js";
import type { ServeFlags } from "./registry-serve.js";

export function define(command: Command, host: CommandHost): void {
  command
    .command("serve")
    .summary("serve images to push and pull")
    .description("Serves the OCI Distribution API until it gets SIGINT or SIGTERM; requests under way are let end.")
    .option("--listen <host:port>", "address to listen on (default 127.0.0.1:5000)")
    .option("--root <dir>", "where blobs and manifests are kept (default <state root>/registry)")
    .option("--config <file>", "YAML file with settings; BERTH_REGISTRY_* variables override it, flags override both")
    .option("--log-level <level>", "silent, fatal, error, warn, info, debug or trace (default info)")
    .option("--insecure-no-auth", "serve beyond this host though anybody may then read and write")
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("./registry-serve.js");
      await serve(flags, host.context());
    });
}
