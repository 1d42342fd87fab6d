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

export const COMMANDS: readonly CommandEntry[] = [
  { name: "history", summary: "Show how an image was made", load: () => import("./commands/history.js") },
  { name: "images", summary: "List images", load: () => import("./commands/images.js") },
  { name: "import", summary: "Make an image from a root filesystem", load: () => import("./commands/import.js") },
  { name: "pull", summary: "Download an image from a registry", load: () => import("./commands/pull.js") },
  { name: "push", summary: "Upload an image to a registry", load: () => import("./commands/push.js") },
  { name: "rmi", summary: "Remove images", load: () => import("./commands/rmi.js") },
  { name: "tag", summary: "Give an image another name", load: () => import("./commands/tag.js") },
];
