import * as v from "valibot";

import { isTrustworthyUrl } from "../auth/fetch-json.js";
import { isLocalName } from "../auth/identity.js";
import { isRepositoryPattern } from "../auth/repository-pattern.js";
import { count, text, url } from "./values.js";

const list = <T extends v.GenericSchema>(item: T): v.ArraySchema<T, string> => v.array(item, "is not a list");
const trustworthyUrl = v.pipe(url, v.check(isTrustworthyUrl, "is neither https nor on this host"));
const localName = v.pipe(
  text,
  v.check(isLocalName, "is no name: letters, digits and . _ @ + - between them, at most 128"),
);
const repositoryPattern = v.pipe(
  text,
  v.check(
    isRepositoryPattern,
    "is no pattern of repository names: lower-case letters, digits and . _ - / with ? * ** and ${user}",
  ),
);

/**
 * Who may do what: everything is forbidden that no rule allows. A rule holds for whoever is named by one of `users`,
 * `groups` or `anonymous`, and allows `actions` in the repositories that match one of `repositories`.
 */
const accessRule = v.pipe(
  v.strictObject({
    /**
     * `?` is one character and `*` any number of them, none of them a `/`; `**` is any text: `team/**` holds for whatever is
     * below `team`, but not for `team`. `${user}` is the user's name, where it can be a component of a repository's.
     */
    repositories: v.optional(v.pipe(list(repositoryPattern), v.minLength(1, "names no repository")), ["**"]),
    /**
     * Names from the htpasswd file; `*` is any text, so that `"*"` are all of them. Users that others vouch for have a prefix:
     * `<issuer>:<claim>` and `cert:<common name>`; no pattern holds for them unless it has the same prefix.
     */
    users: v.optional(list(text), []),
    /** Names below `auth.groups`, or `<issuer>:<group>`. */
    groups: v.optional(list(text), []),
    /** Also for clients that do not say who they are. */
    anonymous: v.optional(v.boolean("is not true or false"), false),
    /** `catalog` lets list the repositories, of which only those show that the caller may pull. */
    actions: v.pipe(
      list(v.picklist(["pull", "push", "delete", "catalog"], "is none of pull, push, delete, catalog")),
      v.minLength(1, "allows nothing"),
    ),
  }),
  v.check(
    ({ users, groups, anonymous }) => users.length + groups.length > 0 || anonymous,
    "is for nobody: users, groups or anonymous is needed",
  ),
);

/** Somebody else whose signed tokens (OpenID Connect) say who a caller is: Keycloak, GitHub Actions, ... */
const issuer = v.strictObject({
  /** Prefix of its users and groups. */
  name: v.pipe(localName, v.notValue("cert", "is taken: it is the prefix of client certificates")),
  /** The `iss` claim; also where its keys are looked up (OpenID Connect Discovery) unless `jwks` says. https, or loopback. */
  issuer: trustworthyUrl,
  /** Address of its JSON Web Key Set. https, or loopback. */
  jwks: v.optional(trustworthyUrl),
  /** The `aud` claim must hold this. Choose one that no other service of the issuer has. */
  audience: text,
  /** The user is `<name>:<this claim>`. */
  userClaim: v.optional(text, "sub"),
  /** Claim with a list of groups; dots lead into objects, as in realm_access.roles. */
  groupsClaim: v.optional(text),
  /** Claims that every token must have; `*` is any text. */
  claims: v.optional(v.record(text, text), {}),
  /** Whoever has all the claims is in `<name>:<group>`. */
  groups: v.optional(list(v.strictObject({ group: localName, claims: v.record(text, text) })), []),
});

const authEntries = v.strictObject({
  /** Name of this registry in its tokens, the same on all replicas. */
  service: v.optional(
    v.pipe(text, v.regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, "has characters that no header can hold")),
    "berth",
  ),
  /** Users and their bcrypt hashes, as `htpasswd -B` or `berth registry user add` write them. Read again when it changes. */
  htpasswd: v.optional(text),
  /** Members by group, as in a rule's `users`. */
  groups: v.optional(v.record(localName, list(text)), {}),
  keys: v.optional(
    v.strictObject({
      /** Where the keys that sign tokens are kept, mode 0600; several replicas share it. Default <state root>/registry-keys */
      directory: v.optional(text),
      /**
       * Instead of `directory`: keep them in the object store, sealed under this secret, which all replicas have. At least 32
       * characters, such as `openssl rand -base64 32` gives; best as BERTH_REGISTRY_AUTH_KEYS_SECRET.
       */
      secret: v.optional(v.pipe(text, v.minLength(32, "is shorter than 32 characters"))),
      algorithm: v.optional(v.picklist(["EdDSA", "ES256", "RS256"], "is none of EdDSA, ES256, RS256"), "EdDSA"),
      rotateAfterDays: v.optional(count(1), 90),
    }),
    {},
  ),
  tokens: v.optional(
    v.strictObject({
      lifetimeSeconds: v.optional(v.pipe(count(60), v.maxValue(86_400, "is more than a day")), 300),
      /** Tokens of both kinds also end when their user is removed or has another password. */
      refreshDays: v.optional(count(1), 30),
    }),
    {},
  ),
  issuers: v.optional(list(issuer), []),
  access: v.optional(list(accessRule), []),
  /** Wrong passwords for one account from one address, and ten times as many from one address, within a window. */
  failures: v.optional(
    v.strictObject({ attempts: v.optional(count(1), 10), windowSeconds: v.optional(count(1), 300) }),
    {},
  ),
});

const authSettings = v.pipe(
  authEntries,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const message of slipsOf(dataset.value)) addIssue({ message });
  }),
);

/** What is well-formed and yet cannot be meant. */
function slipsOf({ access, groups, issuers, keys }: v.InferOutput<typeof authEntries>): string[] {
  const slips: string[] = [];
  const prefixes = new Set(["cert", ...issuers.map(({ name }) => name)]);
  if (prefixes.size <= issuers.length) slips.push("two issuers have the same name");
  const addresses = new Set(issuers.map(({ issuer }) => issuer));
  // Which of them a token is for could not be told.
  if (addresses.size < issuers.length) slips.push("two issuers have the same address");
  if (keys.directory !== undefined && keys.secret !== undefined) slips.push("keys has both a directory and a secret");
  const members = [...Object.values(groups).flat(), ...access.flatMap(({ users }) => users)];
  const named = access.flatMap((rule) => rule.groups);
  for (const name of [...members, ...named]) {
    const [prefix = "", rest] = name.split(/:(.*)/s);
    if (rest !== undefined && !prefixes.has(prefix)) slips.push(`${name} begins with the name of no issuer`);
  }
  for (const group of named) {
    if (!group.includes(":") && !Object.hasOwn(groups, group)) slips.push(`there is no group ${group}`);
  }
  return slips;
}

/** Who may use the registry, and how they show who they are. Absent: everybody may do everything. */
export const authSection = v.optional(authSettings);

export type AuthSettings = v.InferOutput<typeof authSettings>;
export type AccessRuleSettings = AuthSettings["access"][number];
export type IssuerSettings = AuthSettings["issuers"][number];
