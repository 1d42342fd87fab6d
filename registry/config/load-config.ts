import * as v from "valibot";

import { BerthError } from "../../oci/errors.js";
import { combinedProblems } from "./combined-problems.js";
import { isSettings, readConfigFile, type Settings } from "./config-file.js";
import type { ConfigProblem, SoundSections } from "./config-problem.js";
import { readEnvironment, type Setting, type SettingPath } from "./environment.js";
import { hostProblems } from "./host-problems.js";
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
export function loadConfig(sources: ConfigSources): RegistryConfig {
  const read = readSources(sources);
  if (read.config !== undefined) return read.config;
  throw invalid(read.problems);
}

/**
 * What `serve` takes: also held against itself as a whole and, unless `syntaxOnly`, against this host. The one place that
 * decides, for the start, a reload and check-config.
 * @throws BerthError CONFIG_INVALID as `loadConfig`
 */
export async function loadServableConfig(
  sources: ConfigSources,
  { syntaxOnly = false }: { readonly syntaxOnly?: boolean } = {},
): Promise<RegistryConfig> {
  const { config, sections, problems, placed } = readSources(sources);
  const more = [...combinedProblems(sections), ...(syntaxOnly ? [] : await hostProblems(sections))].map(placed);
  if (config !== undefined && more.length === 0) return config;
  throw invalid([...problems, ...more]);
}

interface PlacedProblem {
  readonly line: number;
  readonly text: string;
}

interface ReadSources {
  /** Absent when there are problems. */
  readonly config?: RegistryConfig;
  readonly sections: SoundSections<RegistryConfig>;
  readonly problems: readonly PlacedProblem[];
  readonly placed: (problem: ConfigProblem) => PlacedProblem;
}

function readSources({ file, env, flags }: ConfigSources): ReadSources {
  const content = file === undefined ? undefined : readConfigFile(file);
  const settings: Settings = content?.settings ?? {};
  const origin = new Map<string, string>();
  const { settings: fromEnv, unknown } = readEnvironment(env, leavesOf(configSchema));
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
  const placed = ({ path, what }: ConfigProblem): PlacedProblem => {
    const dotted = path.join(".");
    const elsewhere = originOf(dotted, origin);
    const line = content?.lineOf(path) ?? 0;
    const inFile = content === undefined ? [] : [`${file ?? ""}:${String(line)}`];
    const where = elsewhere ?? [...inFile, ...(dotted === "" ? [] : [dotted])].join(": ");
    return { line: elsewhere === undefined ? line : Infinity, text: `${where}: ${what}` };
  };
  // Before all others, in this order.
  const early = [...(content?.problems ?? []), ...unknown.map((variable) => `${variable}: there is no such setting`)];
  const checked = v.safeParse(configSchema, settings);
  const problems = [
    ...early.map((text) => ({ line: -1, text })),
    ...(checked.issues ?? []).map((issue) =>
      placed({
        path: (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key))),
        what: issue.expected === "never" ? "there is no such setting" : issue.message,
      }),
    ),
  ];
  const isReadable = (content?.problems ?? []).length === 0;
  return {
    ...(problems.length === 0 && checked.success && { config: checked.output }),
    sections: isReadable ? soundSections(settings) : {},
    problems,
    placed,
  };
}

/** Undefined for a section that is not there; of one that is not well-formed not even that. */
function soundSections(settings: Settings): SoundSections<RegistryConfig> {
  const sound = Object.entries(configSchema.entries).flatMap(([name, schema]) => {
    const checked = v.safeParse(schema, settings[name]);
    return checked.success ? [[name, checked.output] as const] : [];
  });
  return Object.fromEntries(sound);
}

function invalid(problems: readonly PlacedProblem[]): BerthError {
  const texts = [...problems].sort((a, b) => a.line - b.line).map(({ text }) => text);
  return new BerthError("CONFIG_INVALID", `the registry's configuration is wrong:\n  ${texts.join("\n  ")}`, {
    details: { problems: texts },
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
