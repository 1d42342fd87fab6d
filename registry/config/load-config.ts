import { readFileSync } from "node:fs";

import * as v from "valibot";
import { parseDocument } from "yaml";

import { BerthError } from "../../oci/errors.js";
import { readEnvironment, type SettingPath } from "./environment.js";
import { configSchema, type RegistryConfig } from "./schema.js";

interface Settings {
  [name: string]: unknown;
}

export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Command-line flags that were given. */
  readonly flags: Readonly<Partial<Pick<RegistryConfig, "listen" | "root" | "insecureNoAuth">>> & {
    readonly logLevel?: string;
  };
}

/**
 * flags > environment > file > defaults, all checked by one schema.
 * @throws BerthError CONFIG_INVALID with every problem, one a line, each with its path and where it came from
 */
export function loadConfig({ file, env, flags }: ConfigSources): RegistryConfig {
  const problems: string[] = [];
  const settings: Settings = file === undefined ? {} : readFile(file, problems);
  const origin = new Map<string, string>();
  const { settings: fromEnv, unknown } = readEnvironment(env, leavesOf(configSchema));
  for (const variable of unknown) problems.push(`${variable}: there is no such setting`);
  for (const { path, variable, value } of fromEnv) {
    place(settings, path, value);
    origin.set(path.join("."), variable);
  }
  const { logLevel, ...direct } = flags;
  const fromFlags = { ...direct, ...(logLevel !== undefined && { "log.level": logLevel }) };
  for (const [path, value] of Object.entries(fromFlags)) {
    place(settings, path.split("."), value);
    origin.set(path, `--${FLAGS[path] ?? path}`);
  }
  const checked = v.safeParse(configSchema, settings);
  for (const issue of checked.issues ?? []) {
    const path = v.getDotPath(issue) ?? "";
    const where = origin.get(path) ?? (path || (file ?? ""));
    problems.push(`${where}: ${issue.expected === "never" ? "there is no such setting" : issue.message}`);
  }
  if (problems.length === 0 && checked.success) return checked.output;
  throw new BerthError("CONFIG_INVALID", `the registry's configuration is wrong:\n  ${problems.join("\n  ")}`, {
    details: { problems },
  });
}

const FLAGS: Readonly<Record<string, string>> = { insecureNoAuth: "insecure-no-auth", "log.level": "log-level" };

function readFile(file: string, problems: string[]): Settings {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    problems.push(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
    return {};
  }
  const document = parseDocument(text);
  for (const error of document.errors) problems.push(`${file}: ${error.message.split("\n")[0] ?? ""}`);
  if (document.errors.length > 0) return {};
  const content: unknown = document.toJS();
  if (content === null || content === undefined) return {};
  if (isSettings(content)) return content;
  problems.push(`${file}: is not a mapping of settings`);
  return {};
}

function place(settings: Settings, path: SettingPath, value: unknown): void {
  const [first = "", ...rest] = path;
  if (rest.length === 0) {
    settings[first] = value;
    return;
  }
  const inner = settings[first];
  const section = isSettings(inner) ? inner : {};
  settings[first] = section;
  place(section, rest, value);
}

function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Paths of all settings that are not sections. */
function leavesOf(schema: unknown, path: SettingPath = []): SettingPath[] {
  if (!isSettings(schema)) return [];
  if (isSettings(schema["entries"])) {
    return Object.entries(schema["entries"]).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
  }
  return schema["type"] === "optional" ? leavesOf(schema["wrapped"], path) : [path];
}
