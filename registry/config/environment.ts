import { parse } from "yaml";

const PREFIX = "BERTH_REGISTRY_";
/** What Kubernetes tells every container of a service called `berth-registry`, or `berth-registry-...`. */
const OF_A_SERVICE =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)=|_PORT=\w+:\/\//;

/** Every setting's path, such as `http.idleTimeoutSeconds`. */
export type SettingPath = readonly string[];

export interface Setting {
  readonly path: SettingPath;
  /** Its value is text, also when it looks like a number: a secret may be all digits. */
  readonly isText: boolean;
}

/** `http.idleTimeoutSeconds` -> BERTH_REGISTRY_HTTP_IDLE_TIMEOUT_SECONDS */
export function variableOf(path: SettingPath): string {
  return PREFIX + path.map((part) => part.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_");
}

export interface EnvironmentSettings {
  readonly settings: readonly { readonly path: SettingPath; readonly variable: string; readonly value: unknown }[];
  /** Variables with our prefix that no setting has: more likely a slip than somebody else's. */
  readonly unknown: readonly string[];
}

/** @param known all leaves of the schema; an empty variable counts as absent */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly Setting[],
): EnvironmentSettings {
  const byVariable = new Map(known.map((setting) => [variableOf(setting.path), setting]));
  const settings = [];
  const unknown = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || text === undefined || text === "") continue;
    const setting = byVariable.get(variable);
    if (setting === undefined) {
      if (!OF_A_SERVICE.test(`${variable}=${text}`)) unknown.push(variable);
    } else settings.push({ path: setting.path, variable, value: setting.isText ? text : scalarOf(text) });
  }
  return { settings, unknown };
}

/** `true` and `12` are what they are in YAML, and so are `[...]` and `{...}`; everything else is text. */
function scalarOf(text: string): unknown {
  if (!/^(?:true|false|-?\d+(?:\.\d+)?|\[.*\]|\{.*\})$/s.test(text)) return text;
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}
