import { createSecureContext, type SecureContext } from "node:tls";

import { buildConnector } from "undici";

import { BerthError } from "../../oci/errors.js";
import type { ClientOptions } from "./client-options.js";
import { trustedAuthorities } from "./trusted-authorities.js";

/** What TLS wants to know, in the form of node:tls. */
export interface TlsSettings {
  readonly rejectUnauthorized: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string[];
  readonly key?: string[];
}

/** To read what a system trusts takes tens of milliseconds, and most hosts need nothing else. */
const contexts = new WeakMap<readonly string[], SecureContext>();

/** @param verifies false where certificates are not looked at. @throws BerthError CONFIG_INVALID */
export function tlsSettings(options: ClientOptions, verifies: boolean): TlsSettings {
  const { authorities = [], certificates = [], environment } = options;
  const usual = verifies ? trustedAuthorities(environment) : undefined;
  return {
    rejectUnauthorized: verifies,
    ...(usual !== undefined && { ca: authorities.length === 0 ? usual : [...usual, ...authorities] }),
    ...(certificates.length > 0 && {
      cert: certificates.map(({ certificate }) => certificate),
      key: certificates.map(({ key }) => key),
    }),
  };
}

/** For what undici connects itself: through a proxy. */
export function buildOptions({ ca, ...settings }: TlsSettings): buildConnector.BuildOptions {
  return { ...settings, ...(ca !== undefined && { ca: [...ca] }) };
}

/**
 * Connects for undici. What is trusted is read when a server first wants TLS, and only once: it is a hundred and more certificates.
 */
export function tlsConnector(
  settings: () => TlsSettings,
  options: buildConnector.BuildOptions,
): buildConnector.connector {
  const plain = buildConnector(options);
  let secure: buildConnector.connector | undefined;
  return (to, callback) => {
    if (to.protocol !== "https:") {
      plain(to, callback);
      return;
    }
    try {
      secure ??= secureConnector(settings(), options);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    secure(to, callback);
  };
}

function secureConnector(
  { rejectUnauthorized, ...material }: TlsSettings,
  options: buildConnector.BuildOptions,
): buildConnector.connector {
  return buildConnector({ ...options, rejectUnauthorized, secureContext: contextOf(material) });
}

function contextOf({ ca = [], cert, key }: Omit<TlsSettings, "rejectUnauthorized">): SecureContext {
  const own = cert === undefined || key === undefined ? undefined : { cert, key };
  const shared = own === undefined ? contexts.get(ca) : undefined;
  if (shared !== undefined) return shared;
  const context = made(ca, own);
  if (own === undefined) contexts.set(ca, context);
  return context;
}

function made(ca: readonly string[], own: { cert: string[]; key: string[] } | undefined): SecureContext {
  try {
    return createSecureContext({ ...own, ...(ca.length > 0 && { ca: [...ca] }) });
  } catch (error) {
    // One damaged file among those of a directory: every other program passes over it, too.
    const usable = ca.filter(isUsable);
    if (usable.length < ca.length) return made(usable, own);
    const why = error instanceof Error ? error.message : String(error);
    throw new BerthError("CONFIG_INVALID", `certificates cannot be used: ${why}`, { cause: error });
  }
}

function isUsable(authority: string): boolean {
  try {
    createSecureContext({ ca: authority });
    return true;
  } catch {
    return false;
  }
}
