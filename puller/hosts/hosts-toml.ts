import { parse, TomlError } from "smol-toml";
import * as v from "valibot";

import { endpointUrl } from "./endpoint-schema.js";
import { apiBase } from "./endpoint-url.js";
import type { Mistakes } from "./mistakes.js";
import type { Capability } from "./registry-host.js";
import { checkSchema, unknownKeyOr } from "./schema-check.js";

/** A server of containerd's hosts.toml. Paths as they are written: relative ones begin at the file's directory. */
export interface HostEntry {
  /** `https://mirror:5000/v2`; undefined for the registry itself, when the file does not say where it is. */
  readonly endpoint: URL | undefined;
  readonly capabilities: ReadonlySet<Capability>;
  readonly authorities: readonly string[];
  readonly certificates: readonly { readonly certificate: string; readonly key: string }[];
  readonly skipVerify: boolean;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly dialTimeout: number | undefined;
}

export interface HostsFile {
  /** In the order of the file. */
  readonly mirrors: readonly HostEntry[];
  readonly server: HostEntry;
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3600_000,
};
const LONGEST_DIAL = 3600_000;

const text = v.pipe(v.string("is not text"), v.nonEmpty("is empty"));
const flag = v.boolean("is not true or false");
/** Go's notation. */
const duration = v.pipe(
  v.string("is no time such as 5s"),
  v.regex(/^(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+$/, "is no time such as 5s"),
  v.transform((value) =>
    [...value.matchAll(/([\d.]+)([a-zµ]+)/g)].reduce(
      (sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit] ?? 0),
      0,
    ),
  ),
  v.check((time) => time >= 1 && time <= LONGEST_DIAL, "is not between a millisecond and an hour"),
);
const headerText = v.pipe(v.string("is not text"), v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, "holds what no header may"));
const headers = v.record(
  v.pipe(v.string(), v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "is no name of a header")),
  v.union([headerText, v.array(headerText)], "is neither text nor a list of texts"),
  "is not a table",
);
const pair = v.strictTuple([text, text], "is no pair of certificate and key");
const entrySettings = {
  capabilities: v.optional(
    v.array(
      v.picklist(["pull", "resolve", "push", "referrers"], "is none of pull, resolve, push, referrers"),
      "is not a list",
    ),
  ),
  ca: v.optional(v.union([text, v.array(text)], "is neither a file nor a list of files")),
  client: v.optional(
    v.union([text, v.array(v.union([text, pair]))], "is neither a file nor a list of files or of pairs of them"),
  ),
  skip_verify: v.optional(flag),
  header: v.optional(headers),
  override_path: v.optional(flag),
  dial_timeout: v.optional(duration),
};
const entry = v.strictObject(entrySettings, unknownKeyOr("is not a table"));
const schema = v.strictObject(
  {
    ...entrySettings,
    server: v.optional(endpointUrl),
    host: v.optional(v.record(endpointUrl, entry, "is not a table")),
  },
  unknownKeyOr("is not a table"),
);

const MIRROR_CAPABILITIES: readonly Capability[] = ["pull", "resolve"];
const SERVER_CAPABILITIES: readonly Capability[] = ["pull", "resolve", "push"];

/** @param file for messages */
export function parseHostsToml(source: string, file: string, mistakes: Mistakes): HostsFile | undefined {
  let document: unknown;
  try {
    document = parse(source);
  } catch (error) {
    const at = error instanceof TomlError ? `, line ${String(error.line)}` : "";
    // The message shows the text, and headers hold secrets.
    mistakes.add(file, "", `is not TOML${at}`);
    return undefined;
  }
  const checked = checkSchema(schema, document, file, mistakes);
  if (checked === undefined) return undefined;
  const { server, host = {}, ...own } = checked;
  return {
    mirrors: Object.entries(host).map(([url, settings]) =>
      entryOf(apiBase(url, settings.override_path), settings, MIRROR_CAPABILITIES),
    ),
    // Whatever it says of itself, the registry is asked last, and pushes go to it unless a mirror takes them.
    server: entryOf(server === undefined ? undefined : apiBase(server, own.override_path), own, SERVER_CAPABILITIES),
  };
}

function entryOf(
  endpoint: URL | undefined,
  settings: v.InferOutput<typeof entry>,
  capabilities: readonly Capability[],
): HostEntry {
  const { ca = [], client = [] } = settings;
  const clients = typeof client === "string" ? [client] : client;
  return {
    endpoint,
    capabilities: new Set((settings.capabilities ?? capabilities).filter((name) => name !== "referrers")),
    authorities: typeof ca === "string" ? [ca] : ca,
    certificates: clients.map((files) =>
      typeof files === "string" ? { certificate: files, key: files } : { certificate: files[0], key: files[1] },
    ),
    skipVerify: settings.skip_verify ?? false,
    headers: Object.fromEntries(
      Object.entries(settings.header ?? {}).map(([name, value]) => [
        name.toLowerCase(),
        typeof value === "string" ? value : value.join(", "),
      ]),
    ),
    dialTimeout: settings.dial_timeout,
  };
}
