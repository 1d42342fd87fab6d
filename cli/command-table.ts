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
  { name: "attach", summary: "Join the streams of a running container", load: () => import("./commands/attach.js") },
  {
    name: "commit",
    summary: "Make an image of what a container has changed",
    load: () => import("./commands/commit.js"),
  },
  {
    name: "create",
    summary: "Make a container without starting it",
    load: () => import("./commands/create.js"),
  },
  { name: "diff", summary: "List what a container has changed", load: () => import("./commands/diff.js") },
  {
    name: "exec",
    summary: "Run a command in a running container",
    load: () => import("./commands/exec.js"),
  },
  { name: "export", summary: "Write a container's file tree as a tar", load: () => import("./commands/export.js") },
  { name: "history", summary: "Show how an image was made", load: () => import("./commands/history.js") },
  { name: "images", summary: "List images", load: () => import("./commands/images.js") },
  { name: "import", summary: "Make an image from a root filesystem", load: () => import("./commands/import.js") },
  { name: "inspect", summary: "Show all about containers and images", load: () => import("./commands/inspect.js") },
  { name: "kill", summary: "Send a signal to containers", load: () => import("./commands/kill.js") },
  { name: "load", summary: "Load an image from an archive", load: () => import("./commands/load.js") },
  { name: "logs", summary: "Show what a container has written", load: () => import("./commands/logs.js") },
  { name: "pause", summary: "Stop all processes of containers for a while", load: () => import("./commands/pause.js") },
  { name: "ps", summary: "List containers", load: () => import("./commands/ps.js") },
  { name: "pull", summary: "Download an image from a registry", load: () => import("./commands/pull.js") },
  { name: "push", summary: "Upload an image to a registry", load: () => import("./commands/push.js") },
  { name: "registry", summary: "Serve images to push and pull", load: () => import("./commands/registry.js") },
  { name: "rm", summary: "Remove containers", load: () => import("./commands/rm.js") },
  { name: "rmi", summary: "Remove images", load: () => import("./commands/rmi.js") },
  {
    name: "run",
    summary: "Make and start a container",
    failureExitCode: 125,
    load: () => import("./commands/run.js"),
  },
  { name: "start", summary: "Start stopped containers", load: () => import("./commands/start.js") },
  { name: "stop", summary: "Stop containers", load: () => import("./commands/stop.js") },
  { name: "tag", summary: "Give an image another name", load: () => import("./commands/tag.js") },
  { name: "unpause", summary: "Let paused containers go on", load: () => import("./commands/unpause.js") },
  { name: "wait", summary: "Wait until containers have ended", load: () => import("./commands/wait.js") },
];
