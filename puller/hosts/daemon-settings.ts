import * as v from "valibot";

import { endpointUrl } from "./endpoint-schema.js";
import { networkOf } from "./insecure-registries.js";
import type { Mistakes } from "./mistakes.js";
import { checkSchema, unknownKeyOr } from "./schema-check.js";

/** What berth takes from a file in the form of Docker's daemon.json. */
export interface DaemonSettings {
  /** For Docker Hub, as with Docker. */
  readonly mirrors: readonly string[];
  /** `host[:port]`, or the network of an address. */
  readonly insecureRegistries: readonly string[];
}

const NO_SETTINGS: DaemonSettings = { mirrors: [], insecureRegistries: [] };
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?$/;

const mirror = v.pipe(
  endpointUrl,
  v.check((text) => /^https?:\/\//i.test(text), "does not begin with http:// or https://"),
);
const registryOrNetwork = v.pipe(
  v.string("is not a name"),
  v.check(
    (text) => HOST.test(text) || networkOf(text) !== undefined,
    "is neither host[:port] nor a network in CIDR form",
  ),
);
const schema = v.looseObject(
  {
    "registry-mirrors": v.optional(v.array(mirror, "is not a list"), []),
    "insecure-registries": v.optional(v.array(registryOrNetwork, "is not a list"), []),
  },
  unknownKeyOr("is not a JSON object"),
);

/**
 * Keys that are Docker's and not berth's are passed over, so that one file can serve both; but not what looks like a slip
 * of the pen.
 * @param file for messages
 */
export function parseDaemonSettings(text: string, file: string, mistakes: Mistakes): DaemonSettings {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    mistakes.add(file, "", "is not JSON");
    return NO_SETTINGS;
  }
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  for (const key of isObject ? Object.keys(json as object) : []) {
    if (/mirror|insecure/i.test(key) && !(key in schema.entries))
      mistakes.add(file, JSON.stringify(key), "is not known");
  }
  // valibot takes a list for an object.
  const settings = checkSchema(schema, isObject ? json : null, file, mistakes);
  if (settings === undefined) return NO_SETTINGS;
  return { mirrors: settings["registry-mirrors"], insecureRegistries: settings["insecure-registries"] };
}
