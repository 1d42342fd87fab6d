import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { AuthSettings } from "../config/auth-section.js";
import type { Locations } from "../http/locations.js";
import type { Endpoint, Guard } from "../http/routes.js";
import { accessGuard } from "./access-guard.js";
import { AccessRules } from "./access-rules.js";
import { Authenticator } from "./authenticator.js";
import { BcryptQueue } from "./bcrypt-queue.js";
import { ExternalIssuer } from "./external-issuer.js";
import { FailedLogins } from "./failed-logins.js";
import { KeyDirectory } from "./key-directory.js";
import { KeyRing } from "./key-ring.js";
import type { KeyVault } from "./key-vault.js";
import { OwnTokens } from "./own-tokens.js";
import { PasswordCheck, type PasswordDefences } from "./password-check.js";
import { SealedKeys } from "./sealed-keys.js";
import { tokenEndpoints, type LocalNames, type TokenService } from "./token-endpoint.js";
import { UserDirectory } from "./user-directory.js";

export interface AuthenticationParts {
  readonly store: ObjectStore;
  readonly locations: Locations;
  readonly log: Logger;
  readonly localNameOf: LocalNames;
}

export interface Authentication {
  readonly guard: Guard;
  readonly endpoints: readonly Endpoint[];
  /**
   * Where keys are kept and the limits of failed logins stay.
   * @returns from its call on the rules, users, groups, issuers and token lifetimes are these
   * @throws BerthError CONFIG_INVALID
   */
  prepare(settings: AuthSettings): Promise<() => void>;
  close(): void;
}

const DAY_MS = 24 * 3600_000;

/** @throws BerthError CONFIG_INVALID, STORAGE, PRIVILEGE */
export async function openAuthentication(settings: AuthSettings, parts: AuthenticationParts): Promise<Authentication> {
  const { store, locations, log } = parts;
  const { keys, tokens, failures } = settings;
  const ring = await KeyRing.open(
    await vaultOf(keys, store, log),
    {
      algorithm: keys.algorithm,
      rotateAfterMs: keys.rotateAfterDays * DAY_MS,
      tokenLifetimeMs: Math.max(tokens.refreshDays * DAY_MS, tokens.lifetimeSeconds * 1000),
    },
    log,
  );
  const defences: PasswordDefences = {
    queue: new BcryptQueue(),
    failures: new FailedLogins({ attempts: failures.attempts, windowMs: failures.windowSeconds * 1000 }),
  };
  let current: TokenService;
  try {
    current = await tokenService(settings, ring, defences, log);
  } catch (error) {
    ring.close();
    throw error;
  }
  return {
    guard: accessGuard(() => current, locations),
    endpoints: tokenEndpoints(() => current, ring, parts.localNameOf),
    prepare: async (changed) => {
      const service = await tokenService(changed, ring, defences, log);
      return () => {
        current = service;
      };
    },
    close: () => {
      ring.close();
    },
  };
}

async function vaultOf(keys: AuthSettings["keys"], store: ObjectStore, log: Logger): Promise<KeyVault> {
  if (keys.secret !== undefined) return new SealedKeys(store, keys.secret);
  if (keys.directory !== undefined) return await KeyDirectory.open(keys.directory, log);
  throw new BerthError("CONFIG_INVALID", "auth.keys: a directory or a secret is needed");
}

async function tokenService(
  settings: AuthSettings,
  ring: KeyRing,
  defences: PasswordDefences,
  log: Logger,
): Promise<TokenService> {
  const { service } = settings;
  const users = await UserDirectory.open(settings.htpasswd, log);
  const passwords = new PasswordCheck(users, defences);
  const issuers = settings.issuers.map((one) => new ExternalIssuer(one, log));
  const lifetimeMs = settings.tokens.lifetimeSeconds * 1000;
  const tokens = new OwnTokens(ring, {
    service,
    lifetimeMs,
    refreshLifetimeMs: settings.tokens.refreshDays * DAY_MS,
  });
  return {
    service,
    lifetimeMs,
    tokens,
    passwords,
    rules: new AccessRules(settings.access, settings.groups),
    hasUsers: settings.htpasswd !== undefined || issuers.length > 0,
    authenticator: new Authenticator({ tokens, issuers, passwords, users }),
  };
}
