import type { Command } from "commander";

import type { CommandHost } from "../command.js";
import type { CheckConfigFlags } from "./registry-check-config.js";
import type { GcFlags } from "./registry-gc.js";
import type { ImportFlags } from "./registry-import-distribution.js";
import type { PolicyFlags, RetentionFlags } from "./registry-policy.js";
import type { ScrubFlags } from "./registry-scrub.js";
import type { ServeFlags } from "./registry-serve.js";
import type { UserFlags } from "./registry-user-verbs.js";

export function define(command: Command, host: CommandHost): void {
  command
    .command("serve")
    .summary("serve images to push and pull")
    .description("Serves the OCI Distribution API until it gets SIGINT or SIGTERM; requests under way are let end.")
    .option("--listen <host:port>", "address to listen on (default 127.0.0.1:5000)")
    .option("--root <dir>", "where blobs and manifests are kept (default <state root>/registry)")
    .option("--workers <n>", "processes that share the work, or auto for one a core (default 1)", countOrAuto)
    .option("--config <file>", "YAML file with settings; BERTH_REGISTRY_* variables override it, flags override both")
    .option("--log-level <level>", "silent, fatal, error, warn, info, debug or trace (default info)")
    .option("--insecure-no-auth", "serve beyond this host though anybody may then read and write")
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("./registry-serve.js");
      await serve(flags, host.context());
    });
  definePolicies(command, host);
  defineCare(command, host);
  defineUsers(command);
}

function defineCare(command: Command, host: CommandHost): void {
  command
    .command("gc")
    .summary("delete blobs that no manifest names")
    .description("Beside running registries, which also do it by themselves now and then (setting collector).")
    .option("--dry-run", "only say what would go")
    .option("--delete-untagged", "also delete manifests that no tag, index or subject keeps")
    .option(
      "--grace <duration>",
      "leave alone what was pushed or asked for within that time (default 24h, untagged 7d)",
    )
    .option("--root <dir>", "the registry's directory")
    .option("--config <file>", "the registry's configuration")
    .action(async (flags: GcFlags) => {
      const { collect } = await import("./registry-gc.js");
      await collect(flags, host);
    });
  command
    .command("scrub")
    .summary("read everything back and hold it against its digest")
    .description(
      "Beside running registries. What is damaged is reported and no longer served, so that the next push makes it whole; " +
        "exit code 1 says that something was found.",
    )
    .option("--root <dir>", "the registry's directory")
    .option("--config <file>", "the registry's configuration")
    .option("--dry-run", "only report")
    .option("--repair", "give repositories back what was taken out of service and has been pushed again since")
    .option("--rate <size>", "read so many bytes each second at most, such as 50m")
    .option("--from-start", "begin anew though an earlier scrub was interrupted")
    .action(async (flags: ScrubFlags) => {
      const { scrubRegistry } = await import("./registry-scrub.js");
      await scrubRegistry(flags, host);
    });
  command
    .command("import-distribution")
    .summary("adopt what registry:2 or registry:3 keeps in the same directory or bucket")
    .description(
      "Blobs stay where they lie, and distribution may go on serving them read-only. Run again, it brings in what came since.",
    )
    .argument("[dir]", "distribution's root directory")
    .option("--root <dir>", "the registry's directory, at or above it (default the same)")
    .option("--config <file>", "the registry's configuration, for a bucket")
    .action(async (directory: string | undefined, flags: ImportFlags) => {
      const { importFrom } = await import("./registry-import-distribution.js");
      await importFrom(directory, flags, host);
    });
}

function defineUsers(command: Command): void {
  const user = command.command("user").summary("users of a registry, in its htpasswd file");
  const verb = (usage: string, summary: string): Command =>
    user
      .command(usage)
      .summary(summary)
      .option("--htpasswd <file>", "the file")
      .option("--config <file>", "the registry's configuration, which names the file");
  verb("add <name>", "add a user, or change the password")
    .option("--password-stdin", "read the password from standard input")
    .action(async (name: string, flags: UserFlags) => {
      const { addUser } = await import("./registry-user-verbs.js");
      await addUser(name, flags);
    });
  verb("remove <name>", "remove a user").action(async (name: string, flags: UserFlags) => {
    const { removeUser } = await import("./registry-user-verbs.js");
    await removeUser(name, flags);
  });
  verb("list", "print the names of the users").action(async (flags: UserFlags) => {
    const { listUsers } = await import("./registry-user-verbs.js");
    await listUsers(flags);
  });
}

function definePolicies(command: Command, host: CommandHost): void {
  command
    .command("check-config")
    .summary("say what is wrong with a registry's configuration")
    .argument("[file]", "YAML file, checked with the environment's BERTH_REGISTRY_* variables")
    .option("--syntax-only", "leave out what depends on this host: its files, directories and addresses")
    .option("--print-schema", "print the JSON schema of such files instead")
    .action(async (file: string | undefined, flags: CheckConfigFlags) => {
      const { checkConfig } = await import("./registry-check-config.js");
      await checkConfig(file, flags, host);
    });
  command
    .command("policy")
    .summary("what a registry's policies do")
    .command("explain")
    .summary("print which rules apply to a repository, and what becomes of each tag and why")
    .argument("<repository>")
    .option("--config <file>", "the registry's configuration")
    .option("--root <dir>", "the registry's directory")
    .action(async (repository: string, flags: PolicyFlags) => {
      const { explain } = await import("./registry-policy.js");
      await explain(repository, flags, host.context());
    });
  command
    .command("retention")
    .summary("delete tags and manifests that the policies say should go")
    .option("--dry-run", "only say which")
    .option("--config <file>", "the registry's configuration")
    .option("--root <dir>", "the registry's directory")
    .action(async (flags: RetentionFlags) => {
      const { retention } = await import("./registry-policy.js");
      await retention(flags, host.context());
    });
}

/** What is no number is left to the check of the configuration. */
function countOrAuto(text: string): ServeFlags["workers"] {
  return (/^\d+$/.test(text) ? Number(text) : text) as ServeFlags["workers"];
}
