import * as v from "valibot";

import { BerthError } from "../../oci/errors.js";
import { isSettings, readConfigFile, type Settings } from "./config-file.js";
import { readEnvironment, type Setting, type SettingPath } from "./environment.js";
import { configSchema, type RegistryConfig } from "./schema.js";

export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Command-line flags that were given. */
  readonly flags: Readonly<Partial<Pick<RegistryConfig, "listen" | "root" | "insecureNoAuth" | "workers">>> & {
    readonly logLevel?: string;
  };
}

/**
 * flags > environment > file > defaults, all checked by one schema.
 * @throws BerthError CONFIG_INVALID with every problem, one a line, each with its path and where it came from
 */
export function loadConfig({ file, env, flags }: ConfigSources): RegistryConfig {
  const problems: string[] = [];
  const content = file === undefined ? undefined : readConfigFile(file);
  const settings: Settings = content?.settings ?? {};
  problems.push(...(content?.problems ?? []));
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
  const byPlace: { readonly line: number; readonly problem: string }[] = [];
  for (const issue of checked.issues ?? []) {
    const path = v.getDotPath(issue) ?? "";
    const elsewhere = originOf(path, origin);
    const parts = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
    const place = content === undefined ? [] : [`${file ?? ""}:${String(content.lineOf(parts))}`];
    const where = elsewhere ?? [...place, ...(path === "" ? [] : [path])].join(": ");
    const what = issue.expected === "never" ? "there is no such setting" : issue.message;
    byPlace.push({
      line: elsewhere === undefined ? (content?.lineOf(parts) ?? 0) : Infinity,
      problem: `${where}: ${what}`,
    });
  }
  problems.push(...byPlace.sort((a, b) => a.line - b.line).map(({ problem }) => problem));
  if (problems.length === 0 && checked.success) return checked.output;
  throw new BerthError("CONFIG_INVALID", `the registry's configuration is wrong:\n  ${problems.join("\n  ")}`, {
    details: { problems },
  });
}

/** The variable or flag that a setting, or the one that it is a part of, came from. */
function originOf(path: string, origin: ReadonlyMap<string, string>): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf(".", end - 1)) {
    const found = origin.get(path.slice(0, end));
    if (found !== undefined) return end === path.length ? found : `${found}: ${path.slice(end + 1)}`;
  }
  return undefined;
}

const FLAGS: Readonly<Record<string, string>> = { insecureNoAuth: "insecure-no-auth", "log.level": "log-level" };

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

/** All settings that are not sections. */
function leavesOf(schema: unknown, path: SettingPath = []): Setting[] {
  if (!isSettings(schema)) return [];
  if (isSettings(schema["entries"])) {
    return Object.entries(schema["entries"]).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
  }
  if (schema["type"] === "optional") return leavesOf(schema["wrapped"], path);
  return [{ path, isText: schema["type"] === "string" }];
}
