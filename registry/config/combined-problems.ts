import { isBerthError } from "../../oci/errors.js";
import { assertGuarded } from "../access-control.js";
import type { ConfigProblem, SoundSections } from "./config-problem.js";
import { parseListenAddress } from "./listen-address.js";
import type { RegistryConfig } from "./schema.js";

/** What is wrong with settings together that are right each for itself, wherever they are used. */
export function combinedProblems(config: SoundSections<RegistryConfig>): readonly ConfigProblem[] {
  return [...openListener(config), ...keysOfReplicas(config), ...twiceTheAddress(config)];
}

function openListener(config: SoundSections<RegistryConfig>): ConfigProblem[] {
  const { listen, auth, insecureNoAuth } = config;
  // A section of which something is wrong is one all the same.
  if (listen === undefined || insecureNoAuth === undefined || !("auth" in config)) return [];
  try {
    assertGuarded({ auth, insecureNoAuth }, parseListenAddress(listen));
    return [];
  } catch (error) {
    if (isBerthError(error, "USAGE")) return [{ path: ["listen"], what: error.message }];
    throw error;
  }
}

/** A directory of this host would be no other replica's. */
function keysOfReplicas({ auth, storage }: SoundSections<RegistryConfig>): ConfigProblem[] {
  if (auth === undefined || storage?.s3 === undefined) return [];
  if (auth.keys.directory !== undefined || auth.keys.secret !== undefined) return [];
  const what =
    "with storage.s3 say where all replicas find the keys of tokens: a secret, or a directory that they share";
  return [{ path: ["auth", "keys"], what }];
}

function twiceTheAddress({ listen, metrics }: SoundSections<RegistryConfig>): ConfigProblem[] {
  if (listen === undefined || metrics?.listen === undefined) return [];
  const [own, other] = [parseListenAddress(listen), parseListenAddress(metrics.listen)];
  const isSame = own.port !== 0 && own.port === other.port && (own.host === other.host || isAny(own) || isAny(other));
  return isSame ? [{ path: ["metrics", "listen"], what: `is taken: ${listen} is the registry's own` }] : [];
}

function isAny({ host }: { readonly host: string }): boolean {
  return host === "::" || host === "0.0.0.0";
}
