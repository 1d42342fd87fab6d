import type { Command, Option } from "commander";

import { parseGoBoolean } from "./go-boolean.js";

/**
 * Docker's flags are Go's, whose switches may be given a value: `--rm=true`, `-it=false`, `--sig-proxy=false`. Commander's take
 * none, so each is put as the switch alone, as its `--no-` form, or left out. What follows a container's command is not touched.
 */
export function resolveSwitchValues(command: Command, args: readonly string[]): string[] {
  const passedOn = command.registeredArguments.some((argument) => argument.name() === "command");
  const resolved: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const isFlag = arg.startsWith("-") && arg.length > 1;
    if (arg === "--" || (!isFlag && passedOn)) return [...resolved, ...args.slice(i)];
    const { kept, takesNext } = isFlag ? resolveFlag(command, arg) : { kept: [arg], takesNext: false };
    resolved.push(...kept);
    if (takesNext && i + 1 < args.length) resolved.push(args[++i] ?? "");
  }
  return resolved;
}

interface ResolvedFlag {
  readonly kept: readonly string[];
  /** The next argument is this flag's value. */
  readonly takesNext: boolean;
}

function resolveFlag(command: Command, arg: string): ResolvedFlag {
  const equals = arg.indexOf("=");
  const flags = equals < 0 ? arg : arg.slice(0, equals);
  const value = equals < 0 ? undefined : parseGoBoolean(arg.slice(equals + 1));
  const unchanged = (takesNext: boolean): ResolvedFlag => ({ kept: [arg], takesNext });
  if (flags.startsWith("--")) {
    const option = command.options.find(({ long }) => long === flags);
    if (option !== undefined && takesValue(option)) return unchanged(equals < 0);
    const kept = value === undefined ? undefined : switched(command, flags, value);
    return kept === undefined ? unchanged(false) : { kept, takesNext: false };
  }
  const last = flags.length - 1;
  for (let at = 1; at <= last; at++) {
    const option = command.options.find(({ short }) => short === `-${flags.charAt(at)}`);
    // The rest of a group is the value of the first flag that takes one.
    if (option !== undefined && takesValue(option)) return unchanged(equals < 0 && at === last);
    if (value === undefined || at < last) continue;
    const kept = switched(command, option?.long ?? "", value);
    if (kept !== undefined) return { kept: at === 1 ? kept : [flags.slice(0, -1), ...kept], takesNext: false };
  }
  return unchanged(false);
}

/** The same without a value; undefined for a flag that the command does not have. */
function switched(command: Command, flag: string, value: boolean): string[] | undefined {
  const has = (long: string): boolean => command.options.some((option) => option.long === long);
  const opposite = flag.replace(/^--/, "--no-");
  if (has(opposite)) return value ? [] : [opposite];
  if (!has(flag)) return undefined;
  return value ? [flag] : [];
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}
