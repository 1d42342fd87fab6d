import { isBerthError } from "../../oci/errors.js";
import { isRepositoryName } from "../../oci/reference.js";
import { callerWithout, setCaller, type Caller } from "../http/caller.js";
import type { Locations } from "../http/locations.js";
import { askedNameOf, ruledNameOf } from "../http/namespaced-name.js";
import { queryOf } from "../http/path-parameters.js";
import { announceRetry } from "../http/retry-after.js";
import { Refusal } from "../http/refusal.js";
import type { RegistryRequest } from "../http/request.js";
import type { Guard, Operation } from "../http/routes.js";
import type { AccessRules, RepositoryAction } from "./access-rules.js";
import { unauthorized, type Authenticator, type Credentials } from "./authenticator.js";
import { challenge, type ChallengeError } from "./challenge.js";
import { CATALOG_SCOPE, covers, scopeText } from "./token-scope.js";

/** What a configuration comes to. */
export interface AccessPolicy {
  readonly service: string;
  readonly authenticator: Authenticator;
  readonly rules: AccessRules;
  /** False when there is nobody who could log in: then nobody is asked to. */
  readonly hasUsers: boolean;
}

/**
 * Lets through what both credentials and rules allow, before anything is looked up, so that the answer is the same whether or
 * not there is such a repository: 401 with a challenge to whoever is unknown or has a token for something else, 403 to whoever
 * is known and may not.
 */
export function accessGuard(policyNow: () => AccessPolicy, locations: Locations): Guard {
  return (ctx, operation) => {
    if (operation.access === "none") return undefined;
    const gate = new Gate(ctx, operation, policyNow(), locations);
    const credentials = gate.identify();
    if (credentials instanceof Promise) return credentials.then((found) => gate.pass(found));
    gate.pass(credentials);
    return undefined;
  };
}

/** One request on its way in. */
class Gate {
  constructor(
    private readonly ctx: RegistryRequest,
    private readonly operation: Operation,
    private readonly policy: AccessPolicy,
    private readonly locations: Locations,
  ) {}

  /** Throws at once or later, with the headers set that belong to the answer. */
  identify(): Credentials | Promise<Credentials> {
    const refuse = (error: unknown): never => {
      announceRetry(this.ctx, error);
      if (isBerthError(error, "UNAUTHORIZED")) this.#challenge("invalid_token");
      throw error;
    };
    try {
      const credentials = this.policy.authenticator.authenticate(this.ctx);
      return credentials instanceof Promise ? credentials.catch(refuse) : credentials;
    } catch (error) {
      return refuse(error);
    }
  }

  pass(credentials: Credentials): void {
    const { access } = this.operation;
    if (access === "login") this.#passLogin(credentials);
    else if (access === "catalog") this.#passCatalog(credentials);
    else if (access !== "none") this.#passRepository(credentials, access);
  }

  /**
   * docker and containers/image learn from /v2/ whether they have to log in at all: they are told so although some things are
   * allowed without. A token for nobody is what they get when they have no password.
   */
  #passLogin({ identity, access }: Credentials): void {
    if (identity.user !== "" || access !== undefined || !this.policy.hasUsers) return;
    this.#challenge();
    throw unauthorized("login", "log in first");
  }

  #passCatalog(credentials: Credentials): void {
    const { identity, access } = credentials;
    const { rules } = this.policy;
    const within = access === undefined || covers(access, "registry", "catalog", "*");
    if (!rules.mayList(identity) || !within) this.#refuse(credentials, rules.mayList(identity));
    setCaller(this.ctx, {
      user: identity.user,
      mayPull: (repository) => rules.allows(identity, "pull", repository),
      sources: rules.mayPullAll(identity) ? undefined : [],
    });
  }

  #passRepository(credentials: Credentials, action: RepositoryAction): void {
    const { identity, access } = credentials;
    const { rules } = this.policy;
    const repository = ruledNameOf(this.ctx);
    const allowed = rules.allows(identity, action, repository);
    const within =
      access === undefined ||
      covers(access, "repository", askedNameOf(this.ctx), action) ||
      covers(access, "repository", repository, action);
    if (!allowed || !within) this.#refuse(credentials, allowed);
    setCaller(this.ctx, new RepositoryCaller(credentials, rules, repository));
  }

  /** @param allowed by the rules, so that another token would do */
  #refuse({ identity, access }: Credentials, allowed: boolean): never {
    setCaller(this.ctx, callerWithout(identity.user));
    if (identity.user !== "" && !allowed) {
      throw new Refusal("DENIED", "access", "you are not allowed to do this here");
    }
    this.#challenge(access === undefined ? undefined : "insufficient_scope");
    throw identity.user === ""
      ? unauthorized("login", "log in first")
      : unauthorized("scope", "this token is not for that");
  }

  #challenge(error?: ChallengeError): void {
    const { access } = this.operation;
    let scope: string | undefined;
    if (access === "catalog") scope = CATALOG_SCOPE;
    else if (access !== "login" && access !== "none") {
      const source = access === "push" ? mountSourceOf(this.ctx) : undefined;
      scope = scopeText(access, askedNameOf(this.ctx)) + (source === undefined ? "" : ` ${scopeText("pull", source)}`);
    }
    const about = { ...(scope !== undefined && { scope }), ...(error !== undefined && { error }) };
    challenge(this.ctx, this.locations, this.policy.service, about);
  }
}

/** The repository that a blob is to be mounted from: a token that does not name it makes the client upload the blob instead. */
function mountSourceOf(ctx: RegistryRequest): string | undefined {
  const from = queryOf(ctx, "mount") === undefined ? undefined : queryOf(ctx, "from");
  return from !== undefined && isRepositoryName(from) ? from : undefined;
}

/** A class, because one is made for each request. */
class RepositoryCaller implements Caller {
  constructor(
    private readonly credentials: Credentials,
    private readonly rules: AccessRules,
    private readonly repository: string,
  ) {}

  get user(): string {
    return this.credentials.identity.user;
  }

  mayPull(repository: string): boolean {
    const { identity, access } = this.credentials;
    const within = access === undefined || covers(access, "repository", repository, "pull");
    return within && this.rules.allows(identity, "pull", repository);
  }

  /** Those that a token names, which are few, and the one of the request. */
  get sources(): readonly string[] | undefined {
    const { identity, access } = this.credentials;
    if (access === undefined && this.rules.mayPullAll(identity)) return undefined;
    const named = (access ?? []).filter(({ type }) => type === "repository").map(({ name }) => name);
    return [...new Set([this.repository, ...named])].filter((name) => this.mayPull(name));
  }
}
