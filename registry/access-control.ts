import type { Logger } from "pino";

import { BerthError } from "../oci/errors.js";
import type { ObjectStore } from "../storage/object-store.js";
import type { Authentication } from "./auth/open-authentication.js";
import type { AuthSettings } from "./config/auth-section.js";
import { isLoopback } from "./config/listen-address.js";
import type { TlsSettings } from "./config/tls-section.js";
import type { ListenAddress } from "./http/listener.js";
import type { Locations } from "./http/locations.js";
import type { Endpoint, Guard } from "./http/routes.js";
import type { ServerTls } from "./tls/server-tls.js";

export interface AccessSettings {
  readonly auth?: AuthSettings | undefined;
  readonly tls?: TlsSettings | undefined;
  readonly insecureNoAuth?: boolean;
  readonly trustForwarded?: boolean;
}

export interface AccessParts {
  readonly address: ListenAddress;
  readonly store: ObjectStore;
  readonly locations: Locations;
  readonly log: Logger;
  /** The name here of what clients ask for by a namespaced name (http/namespaced-name.ts), if it is mirrored. */
  readonly localNameOf: (asked: string) => string | undefined;
}

/** What stands between the network and the handlers. */
export interface AccessControl {
  readonly guards: readonly Guard[];
  readonly endpoints: readonly Endpoint[];
  readonly tls?: ServerTls;
  /**
   * Reads certificates, keys and users again.
   * @returns takes them into use; until it is called nothing changes
   * @throws BerthError CONFIG_INVALID
   */
  prepare(auth: AuthSettings | undefined): Promise<() => void>;
  close(): void;
}

/**
 * Beyond loopback nobody is let in unasked unless the operator said so.
 * @throws BerthError USAGE
 */
export function assertGuarded({ auth, insecureNoAuth }: AccessSettings, address: ListenAddress): void {
  if (isLoopback(address) || auth !== undefined || insecureNoAuth === true) return;
  throw new BerthError(
    "USAGE",
    `${address.host}:${String(address.port)} can be reached from other hosts, and there is no authentication: ` +
      "listen on 127.0.0.1, configure auth, or say --insecure-no-auth if everyone may read and write",
  );
}

/** @throws BerthError CONFIG_INVALID, STORAGE, PRIVILEGE */
export async function openAccessControl(settings: AccessSettings, parts: AccessParts): Promise<AccessControl> {
  const { log } = parts;
  const tls = settings.tls && (await openTls(settings.tls, log));
  let authentication: Authentication | undefined;
  try {
    authentication = settings.auth && (await authenticate(settings.auth, parts));
  } catch (error) {
    tls?.close();
    throw error;
  }
  if (settings.auth !== undefined && tls === undefined && !isLoopback(parts.address) && !settings.trustForwarded) {
    log.warn("passwords and tokens cross the network in plain text: configure tls, or a proxy that does it");
  }
  return {
    guards: authentication === undefined ? [] : [authentication.guard],
    endpoints: authentication?.endpoints ?? [],
    ...(tls !== undefined && { tls }),
    prepare: async (auth) => {
      if ((auth === undefined) !== (authentication === undefined)) {
        throw new BerthError("CONFIG_INVALID", "auth: needs a restart to come or go");
      }
      const commits = [await tls?.prepare(), auth && (await authentication?.prepare(auth))];
      return () => {
        for (const commit of commits) commit?.();
      };
    },
    close: () => {
      tls?.close();
      authentication?.close();
    },
  };
}

/** Loaded when it is asked for: jose alone takes as long to load as the rest of a small registry. */
async function authenticate(settings: AuthSettings, parts: AccessParts): Promise<Authentication> {
  const { openAuthentication } = await import("./auth/open-authentication.js");
  return await openAuthentication(settings, parts);
}

async function openTls(settings: TlsSettings, log: Logger): Promise<ServerTls> {
  const { ServerTls } = await import("./tls/server-tls.js");
  return await ServerTls.open(settings, log);
}
