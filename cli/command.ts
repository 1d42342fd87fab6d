import type { Command } from "commander";

import type { CliContext } from "./context.js";

/** A verb's module: `define` adds its arguments, options and action to an empty commander command. */
export interface CommandModule {
  define(command: Command, host: CommandHost): void;
}

export interface CommandHost {
  /** Read inside the action, when global options have been parsed. */
  context(): CliContext;
  /** Sets the exit code of a command that ended in order; failures throw a BerthError instead. */
  exit(code: number): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Exit code when berth itself fails: 125 where the command's own status is the usual one (docker run), else 1. */
  readonly failureExitCode?: number;
  load(): Promise<CommandModule>;
}
