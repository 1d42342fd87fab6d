import { resolve } from "node:path";

import { Command, CommanderError } from "commander";

import packageJson from "../package.json" with { type: "json" };
import { errnoOf, isBerthError } from "../oci/errors.js";
import { NativeError } from "../runtime-native/native-error.js";
import type { CommandEntry } from "./command.js";
import { COMMANDS } from "./command-table.js";
import { DEFAULT_ROOT, DEFAULT_RUN_ROOT, type CliContext } from "./context.js";
import { shortVerb } from "./management-commands.js";
import { resolveSwitchValues } from "./switch-values.js";

/** Runs the command line and returns its exit code. Only the module of the verb that was asked for is loaded. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const start = verbIndex(argv);
  let args = shortVerb(argv.slice(start));
  const verb = args[0] === "help" ? args[1] : args[0];
  const chosen = COMMANDS.find((entry) => entry.name === verb);
  const output = watchOutput(failureCodeOf(chosen));
  const program = new Command("berth")
    .description("An OCI registry, a puller and a container runtime in one command")
    .version(packageJson.version, "-v, --version", "print the version")
    .option("--root <dir>", `where images and containers are kept (BERTH_ROOT)`)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const help = chosen === undefined ? "berth --help" : `berth ${chosen.name} --help`;
        write(`berth: ${oneLine(text.trim()).replace(/^error: /, "")} (see ${help})\n`);
      },
    });
  // Absolute: a shim, which removes a container in the end, runs elsewhere.
  const context = (): CliContext => ({
    root: resolve(program.opts<{ root?: string }>().root ?? (process.env["BERTH_ROOT"] || DEFAULT_ROOT)),
    runRoot: resolve(process.env["BERTH_RUN"] || DEFAULT_RUN_ROOT),
  });
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
    if (args[0] === chosen.name && command.commands.length === 0) {
      args = [chosen.name, ...resolveSwitchValues(command, args.slice(1))];
    }
  }
  try {
    await program.parseAsync([...argv.slice(0, start), ...args], { from: "user" });
    return output.failed ? failureCodeOf(chosen) : exitCode;
  } catch (error) {
    return reportFailure(error, chosen);
  }
}

/**
 * Whoever read this may have seen enough (`| head`): a container goes on, and its exit code still counts. Output that could not be
 * kept (a full disk) is a failure.
 */
function watchOutput(failureCode: number): { failed: boolean } {
  const output = { failed: false };
  const onError = (error: Error): void => {
    if (errnoOf(error) === "EPIPE" || output.failed) return;
    output.failed = true;
    process.exitCode = failureCode;
    process.stderr.write(`berth: the output could not be written: ${systemReason(error)}\n`);
  };
  for (const stream of [process.stdout, process.stderr]) stream.on("error", onError);
  return output;
}

/** Of the first argument that is not a global option. */
function verbIndex(argv: readonly string[]): number {
  let index = 0;
  while (argv[index]?.startsWith("-") === true) index += argv[index] === "--root" ? 2 : 1;
  return index;
}

function failureCodeOf(entry: CommandEntry | undefined): number {
  return entry?.failureExitCode ?? 1;
}

function reportFailure(error: unknown, entry: CommandEntry | undefined): number {
  const failureCode = failureCodeOf(entry);
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? 0 : failureCode;
  }
  const text = error instanceof Error ? systemReason(error) : String(error);
  process.stderr.write(`berth: ${oneLine(text)}${hintFor(error, entry)}\n`);
  if (isDefect(error) || process.env["BERTH_DEBUG"]) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? "") : ""}\n`);
  }
  if (isBerthError(error, "COMMAND_NOT_FOUND")) return 127;
  if (isBerthError(error, "COMMAND_NOT_EXECUTABLE")) return 126;
  return failureCode;
}

/** Neither raised on purpose nor what the system said: its stack helps whoever repairs berth. */
function isDefect(error: unknown): boolean {
  return !isBerthError(error) && !(error instanceof NativeError) && !(error instanceof Error && "syscall" in error);
}

function hintFor(error: unknown, entry: CommandEntry | undefined): string {
  if (isBerthError(error, "UNAUTHORIZED") && entry?.name !== "login") return " (to log in: berth login)";
  const refused = !isBerthError(error) && ["EACCES", "EPERM"].includes(errnoOf(error) ?? "");
  return refused && process.geteuid?.() !== 0 ? " (berth needs root: try again with sudo)" : "";
}

/** Node's `ENOSPC: no space left on device, write` without the name that only programmers know. */
function systemReason(error: Error): string {
  return error.message.replace(/^E[A-Z0-9]+: /, "");
}

/** That a terminal does not obey: parts of it may come from a registry or an archive. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
