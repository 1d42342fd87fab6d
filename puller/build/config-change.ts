import type { ContainerDefaults } from "../../oci/image-config.js";
import { BerthError } from "../../oci/errors.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Applies one `--change`, a Dockerfile instruction such as `CMD ["bash"]` or `ENV A=1`.
 * @throws BerthError USAGE
 */
export function applyChange(config: ContainerDefaults, change: string): ContainerDefaults {
  const [, instruction = "", rest = ""] = /^\s*(\S+)\s+([^]*\S)\s*$/.exec(change) ?? [];
  const next: Mutable<ContainerDefaults> = { ...config };
  switch (instruction.toUpperCase()) {
    case "CMD":
      next.Cmd = commandOf(rest);
      return next;
    case "ENTRYPOINT":
      next.Entrypoint = commandOf(rest);
      return next;
    case "ENV": {
      const added = pairsOf(rest, change);
      const names = new Set(added.map(([name]) => name));
      const kept = (config.Env ?? []).filter((entry) => !names.has(entry.split("=", 1)[0] ?? ""));
      next.Env = [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
      return next;
    }
    case "LABEL":
      next.Labels = { ...config.Labels, ...Object.fromEntries(pairsOf(rest, change)) };
      return next;
    case "EXPOSE":
      next.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(portsOf(rest, change)) };
      return next;
    case "VOLUME":
      next.Volumes = {
        ...config.Volumes,
        ...Object.fromEntries((jsonList(rest) ?? rest.split(/\s+/)).map((path) => [path, {}])),
      };
      return next;
    case "USER":
      next.User = rest;
      return next;
    case "WORKDIR":
      next.WorkingDir = rest;
      return next;
    case "STOPSIGNAL":
      next.StopSignal = rest;
      return next;
    default:
      throw new BerthError(
        "USAGE",
        `cannot apply ${JSON.stringify(change)}: write one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, ` +
          `VOLUME, WORKDIR and its value`,
      );
  }
}

/** Exec form, or a shell's command line. */
function commandOf(text: string): readonly string[] {
  return jsonList(text) ?? ["/bin/sh", "-c", text];
}

function jsonList(text: string): string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item): item is string => typeof item === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

/** `a=1 b="two words"`, or the old form `a the rest of the line`. */
function pairsOf(text: string, change: string): [string, string][] {
  const words = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  if (words[0] !== undefined && !words[0].includes("=")) {
    const [, name = "", value = ""] = /^(\S+)\s+([^]*)$/.exec(text) ?? [];
    if (name === "") throw new BerthError("USAGE", `cannot apply ${JSON.stringify(change)}: write NAME=value`);
    return [[name, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals <= 0) throw new BerthError("USAGE", `cannot apply ${JSON.stringify(change)}: write NAME=value`);
    return [unquoted(word.slice(0, equals)), unquoted(word.slice(equals + 1))];
  });
}

function unquoted(word: string): string {
  return word.replace(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
    (_, double: string | undefined, single: string | undefined, escaped: string | undefined) =>
      double?.replace(/\\(["\\$])/g, "$1") ?? single ?? escaped ?? "",
  );
}

function portsOf(text: string, change: string): [string, object][] {
  return text.split(/\s+/).map((word) => {
    const [, port = "", protocol = "tcp"] = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/.exec(word) ?? [];
    if (port === "") throw new BerthError("USAGE", `cannot apply ${JSON.stringify(change)}: write PORT or PORT/udp`);
    return [`${port}/${protocol}`, {}];
  });
}
