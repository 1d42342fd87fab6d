import { Command, CommanderError } from "commander";

import packageJson from "../package.json" with { type: "json" };
import { errnoOf, isBerthError } from "../oci/errors.js";
import type { CommandEntry } from "./command.js";
import { COMMANDS } from "./command-table.js";
import { DEFAULT_ROOT, DEFAULT_RUN_ROOT, type CliContext } from "./context.js";

/** Runs the command line and returns its exit code. Only the module of the verb that was asked for is loaded. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreBrokenPipe);
  const program = new Command("berth")
    .description("An OCI registry, a puller and a container runtime in one command")
    .version(packageJson.version, "-v, --version", "print the version")
    .option("--root <dir>", `where images and containers are kept (BERTH_ROOT)`)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(text.replace(/^error: /, "berth: "));
      },
    });
  const context = (): CliContext => ({
    root: program.opts<{ root?: string }>().root ?? (process.env["BERTH_ROOT"] || DEFAULT_ROOT),
    runRoot: process.env["BERTH_RUN"] || DEFAULT_RUN_ROOT,
  });
  const verb = verbOf(argv);
  const chosen = COMMANDS.find((entry) => entry.name === verb);
  for (const entry of chosen === undefined ? COMMANDS : [chosen]) {
    const command = program.command(entry.name).summary(entry.summary).description(entry.summary);
    command.exitOverride().copyInheritedSettings(program);
    if (chosen === undefined) continue;
    const module = await chosen.load();
    module.define(command, {
      context,
      exit: (code) => {
        exitCode = code;
      },
    });
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    return reportFailure(error, chosen);
  }
}

/** Whoever read this may have seen enough (`| head`): a container goes on, and its exit code still counts. */
function ignoreBrokenPipe(error: Error): void {
  if (errnoOf(error) !== "EPIPE") throw error;
}

/** The first argument that is not a global option. */
function verbOf(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i];
    if (argument === "--root") i++;
    else if (argument === "help") return argv[i + 1];
    else if (argument !== undefined && !argument.startsWith("-")) return argument;
  }
  return undefined;
}

function reportFailure(error: unknown, entry: CommandEntry | undefined): number {
  const failureCode = entry?.failureExitCode ?? 1;
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? 0 : failureCode;
  }
  // One line that a terminal does not obey: parts of it may come from a registry or an archive.
  const text = (error instanceof Error ? error.message : String(error)).replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
  const hint = isBerthError(error, "UNAUTHORIZED") && entry?.name !== "login" ? " (to log in: berth login)" : "";
  process.stderr.write(`berth: ${text}${hint}\n`);
  if (!isBerthError(error) || process.env["BERTH_DEBUG"]) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? "") : ""}\n`);
  }
  if (isBerthError(error, "COMMAND_NOT_FOUND")) return 127;
  if (isBerthError(error, "COMMAND_NOT_EXECUTABLE")) return 126;
  return failureCode;
}
