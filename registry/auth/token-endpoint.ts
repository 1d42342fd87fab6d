import { callerWithout, setCaller } from "../http/caller.js";
import { readBody } from "../http/request-body.js";
import { queriesOf, queryOf } from "../http/path-parameters.js";
import type { Handler, RegistryRequest } from "../http/request.js";
import type { Endpoint } from "../http/routes.js";
import { announceRetry } from "../http/retry-after.js";
import { sendJson } from "../http/send-json.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { clientAddressOf } from "../http/client-address.js";
import type { AccessPolicy } from "./access-guard.js";
import { unauthorized } from "./authenticator.js";
import { TOKEN_PATH } from "./challenge.js";
import { isLocalName, type Identity } from "./identity.js";
import type { KeyRing } from "./key-ring.js";
import type { OwnTokens } from "./own-tokens.js";
import type { PasswordCheck } from "./password-check.js";
import { parseScopes, type TokenAccess } from "./token-scope.js";

/** As much as fits into a GET's headers; and so little that bodies which come slowly take no room from those of manifests. */
const MAX_FORM_BYTES = 16 * 1024;

/** What the token service works with, as of now. */
export interface TokenService extends AccessPolicy {
  readonly tokens: OwnTokens;
  readonly passwords: PasswordCheck;
  readonly lifetimeMs: number;
}

/** Of names that are not a repository's here: by which name access rules know them. */
export type LocalNames = (asked: string) => string | undefined;

interface Wanted {
  readonly scopes: readonly string[];
  readonly refresh: boolean;
}

/** Docker's token specification: GET with Basic credentials or none, and POST of an OAuth 2 form; and the public keys. */
export function tokenEndpoints(
  serviceNow: () => TokenService,
  ring: KeyRing,
  localNameOf: LocalNames,
): readonly Endpoint[] {
  return [
    {
      name: "getToken",
      access: "none",
      verb: "GET",
      path: TOKEN_PATH,
      handler: answering(serviceNow, byQuery, localNameOf),
    },
    {
      name: "postToken",
      access: "none",
      verb: "POST",
      path: TOKEN_PATH,
      handler: answering(serviceNow, byForm, localNameOf),
    },
    {
      name: "getKeys",
      access: "none",
      verb: "GET",
      path: "/.well-known/jwks.json",
      handler: async (ctx) => {
        ctx.set("Cache-Control", "max-age=60");
        sendJson(ctx, ring.published);
        await Promise.resolve();
      },
    },
  ];
}

type Exchange = (ctx: RegistryRequest, service: TokenService) => Promise<Wanted & { readonly identity: Identity }>;

function answering(serviceNow: () => TokenService, exchange: Exchange, localNameOf: LocalNames): Handler {
  return async (ctx) => {
    const service = serviceNow();
    // RFC 6749, 5.1.
    ctx.set("Cache-Control", "no-store");
    try {
      const { identity, scopes, refresh } = await exchange(ctx, service);
      setCaller(ctx, callerWithout(identity.user));
      const access = grantedOf(service, identity, parseScopes(scopes), localNameOf);
      const fingerprint = isLocalName(identity.user) ? await service.passwords.fingerprintOf(identity.user) : undefined;
      const { token, issuedAt } = await service.tokens.issue(identity, access, fingerprint);
      sendJson(ctx, {
        token,
        access_token: token,
        expires_in: Math.floor(service.lifetimeMs / 1000),
        issued_at: issuedAt.toISOString(),
        ...(refresh &&
          fingerprint !== undefined && {
            refresh_token: await service.tokens.issueRefresh(identity.user, fingerprint),
          }),
      });
    } catch (error) {
      announceRetry(ctx, error);
      if (isBerthError(error, "UNAUTHORIZED")) ctx.set("WWW-Authenticate", `Basic realm="${service.service}"`);
      throw error;
    }
  };
}

/** "the subset of the requested scope that is allowed". */
function grantedOf(
  { rules }: TokenService,
  identity: Identity,
  asked: readonly TokenAccess[],
  localNameOf: LocalNames,
): TokenAccess[] {
  return asked.flatMap(({ type, name, actions }) => {
    const granted = actions.filter((action) =>
      type === "registry"
        ? rules.mayList(identity)
        : (action === "pull" || action === "push" || action === "delete") &&
          rules.allows(identity, action, localNameOf(name) ?? name),
    );
    return granted.length === 0 ? [] : [{ type, name, actions: granted }];
  });
}

const byQuery: Exchange = async (ctx, service) => {
  assertOurs(queryOf(ctx, "service"), service);
  const { identity, access } = await service.authenticator.authenticate(ctx);
  // Else a token that was given for a moment could be renewed for ever.
  if (access !== undefined) throw unauthorized("token", "a token of this service is not exchanged for another");
  if (identity.user === "" && !service.rules.knows(identity)) throw unauthorized("login", "log in first");
  return { identity, scopes: queriesOf(ctx, "scope"), refresh: queryOf(ctx, "offline_token") === "true" };
};

const byForm: Exchange = async (ctx, service) => {
  const form = new URLSearchParams((await readBody(ctx, MAX_FORM_BYTES)).toString());
  assertOurs(form.get("service") ?? undefined, service);
  const wanted = { scopes: form.getAll("scope"), refresh: form.get("access_type") === "offline" };
  switch (form.get("grant_type")) {
    case "password": {
      const [user, password] = [form.get("username") ?? "", form.get("password") ?? ""];
      const { identity } = await service.authenticator.byPassword(user, password, clientAddressOf(ctx));
      return { identity, ...wanted };
    }
    case "refresh_token":
      return { identity: await refreshed(form.get("refresh_token") ?? "", service), ...wanted };
    case null:
    default:
      throw new BerthError("TOKEN_REQUEST_INVALID", "grant_type is neither password nor refresh_token");
  }
};

/** A token for another registry would be of no use to the client. */
function assertOurs(asked: string | undefined, { service }: TokenService): void {
  if (asked === undefined || asked === "" || asked === service) return;
  throw new BerthError("TOKEN_REQUEST_INVALID", `this token service is for ${service} alone`, {
    details: { service: asked.slice(0, 100) },
  });
}

async function refreshed(token: string, { tokens, passwords }: TokenService): Promise<Identity> {
  let found: { user: string; fingerprint: string };
  try {
    found = await tokens.verifyRefresh(token);
  } catch (cause) {
    throw unauthorized("token", "the refresh token does not hold", { cause });
  }
  if ((await passwords.fingerprintOf(found.user)) !== found.fingerprint) {
    throw unauthorized("token", "the refresh token ended with the password that it was given for", {
      account: found.user,
    });
  }
  return { user: found.user, groups: [] };
}
