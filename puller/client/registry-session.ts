import { BerthError, type ErrorCode } from "../../oci/errors.js";
import { AddressGuard } from "./address-guard.js";
import { Authorizer, parseTokenAnswer, type TokenAnswer, type TokenRequest } from "./authorizer.js";
import { networkFailure, withRetries } from "./backoff.js";
import { parseChallenges } from "./challenge.js";
import { DEFAULT_LIMITS, type ClientLimits, type ClientOptions } from "./client-options.js";
import { candidateOrigins, isLoopbackRegistry } from "./registry-endpoint.js";
import { failureOf, headerOf, type Answer } from "./response-error.js";
import { SinkFailure, Transport, type Exchange } from "./transport.js";

/** A request to the registry, or to where it pointed us. */
export interface Call extends Omit<Exchange, "url" | "headers" | "body"> {
  /** A path below the registry's origin, or a URL that the registry gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt: a stream can be sent only once. */
  readonly body?: () => NonNullable<Exchange["body"]>;
  /** Such as `repository:library/debian:pull`; several with spaces between. */
  readonly scope?: string;
  /** Statuses that are returned; others are thrown. */
  readonly accept: readonly number[];
  /** For messages: `pull debian`. */
  readonly what: string;
  /** Code for a 404. */
  readonly missing: ErrorCode;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PLAIN_TO_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS/i;

/** Authenticated calls to one registry: finds its origin, answers challenges, follows redirects, tries again. */
export class RegistrySession {
  readonly registry: string;
  readonly limits: ClientLimits;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #userAgent: string;
  readonly #insecure: boolean;
  readonly #endpoint: string | undefined;
  readonly #namespace: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #guard: AddressGuard | undefined;
  #base: Promise<string> | undefined;
  #plain = false;

  constructor(options: ClientOptions) {
    const { endpoint } = options;
    const loopback = isLoopbackRegistry(endpoint === undefined ? options.registry : new URL(endpoint).host);
    if (options.refusePrivateRedirects === true) {
      const [origin = ""] = candidateOrigins(options.registry, false);
      this.#guard = new AddressGuard(new URL(endpoint ?? origin).hostname);
    }
    this.#endpoint = endpoint?.replace(/\/+$/, "");
    this.#namespace = options.namespace;
    this.#headers = options.headers ?? {};
    this.registry = options.registry;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#insecure = options.insecure === true || loopback;
    this.#userAgent = options.userAgent ?? "berth";
    this.#transport = new Transport(options, this.limits, loopback, this.#guard);
    this.#authorizer = new Authorizer(
      options.credentials,
      (request) => this.#fetchToken(request),
      () => this.#plain,
    );
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Calls until it succeeds, fails for good, or has failed too often. @param progressed see withRetries */
  call(call: Call, progressed?: () => boolean): Promise<Answer> {
    return withRetries(this.limits, call.signal, () => this.callOnce(call), progressed);
  }

  /** One attempt. Failures that may pass are TransientFailures. */
  async callOnce(call: Call): Promise<Answer> {
    const base = await this.#findBase(call.signal);
    const shown = await this.#authorizer.headerFor(call.scope);
    let answer = await this.#send(call, base, shown);
    if (answer.status === 401) {
      // Once, with what this challenge says: a registry that answers 401 again does not let us in.
      const known = parseChallenges(headerOf(answer.headers, "www-authenticate") ?? "");
      this.#authorizer.forget(call.scope);
      const other = (await this.#authorizer.learn(known, call.scope))
        ? await this.#authorizer.headerFor(call.scope)
        : shown;
      // The same password again would only count as another guess.
      if (other !== shown) answer = await this.#send(call, base, other);
    }
    if (call.accept.includes(answer.status)) return answer;
    throw failureOf(answer, call.what, call.missing);
  }

  /** `https://host[:port]`, found by the first request. */
  async origin(signal?: AbortSignal): Promise<string> {
    return new URL(await this.#findBase(signal)).origin;
  }

  /** What `/v2` stands for in the targets of calls. */
  #findBase(signal: AbortSignal | undefined): Promise<string> {
    const finding = (this.#base ??= withRetries(this.limits, signal, () => this.#tryBases(signal)));
    finding.catch(() => {
      this.#base = undefined;
    });
    return finding;
  }

  async #tryBases(signal: AbortSignal | undefined): Promise<string> {
    const origins = candidateOrigins(this.registry, this.#insecure);
    const bases = this.#endpoint === undefined ? origins.map((origin) => `${origin}/v2`) : [this.#endpoint];
    const where = this.#endpoint ?? this.registry;
    let failure: Error | undefined;
    for (const base of bases) {
      try {
        const answer = await this.#exchange(
          {
            method: "GET",
            url: new URL(`${base}/`),
            headers: this.#headers,
            headersTimeout: this.limits.pingTimeout,
            signal,
          },
          `cannot reach the registry ${where}`,
        );
        if (answer.status === 400 && PLAIN_TO_TLS.test(Buffer.from(answer.body).toString("latin1"))) continue;
        this.#plain = base.startsWith("http:");
        const known = parseChallenges(headerOf(answer.headers, "www-authenticate") ?? "");
        if (answer.status === 401) await this.#authorizer.learn(known);
        return base;
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    }
    throw failure ?? new BerthError("UPSTREAM", `${where} speaks neither HTTP nor HTTPS as a registry does`);
  }

  async #send(call: Call, base: string, header: string | undefined): Promise<Answer> {
    const { origin } = new URL(base);
    let url = this.#urlOf(call.target, base);
    for (let redirects = 0; ; redirects++) {
      // Never to another origin: a redirect must not carry off credentials.
      const own = url.origin === origin ? { ...this.#headers, ...(header && { authorization: header }) } : {};
      const answer = await this.#exchange(
        { ...exchangeOf(call), url, headers: { ...own, ...call.headers } },
        call.what,
      );
      const location = headerOf(answer.headers, "location");
      if (!REDIRECTS.has(answer.status) || location === undefined || call.accept.includes(answer.status)) return answer;
      if (call.method !== "GET" && call.method !== "HEAD") return answer;
      if (redirects === MAX_REDIRECTS) throw new BerthError("UPSTREAM", `${call.what}: too many redirects`);
      url = this.#redirected(url, location, call.what);
    }
  }

  #urlOf(target: string | URL, base: string): URL {
    if (typeof target !== "string") return target;
    const url = new URL(`${base}${target.replace(/^\/v2(?=\/)/, "")}`);
    if (this.#namespace !== undefined) url.searchParams.set("ns", this.#namespace);
    return url;
  }

  #redirected(from: URL, location: string, what: string): URL {
    const url = URL.parse(location, from.href);
    const downgrade = from.protocol === "https:" && url?.protocol !== "https:" && !this.#insecure;
    if (url === null || !/^https?:$/.test(url.protocol) || downgrade) {
      throw new BerthError("UPSTREAM", `${what}: the registry redirects to an address that is not safe to follow`);
    }
    return url;
  }

  async #fetchToken({ url, method, headers, body }: TokenRequest): Promise<TokenAnswer> {
    const what = `cannot get a token for ${this.registry}`;
    const answer = await withRetries(this.limits, undefined, async () => {
      const request = { method, url, headers, maxAnswer: 1024 * 1024, ...(body !== undefined && { body }) };
      const reply = await this.#exchange(request, what);
      if (reply.status !== 200) throw failureOf(reply, what, "UNAUTHORIZED");
      return reply;
    });
    return parseTokenAnswer(answer.body);
  }

  async #exchange(exchange: Exchange, what: string): Promise<Answer> {
    this.#guard?.assertAllowed(exchange.url);
    try {
      return await this.#transport.exchange({
        ...exchange,
        headers: { "user-agent": this.#userAgent, ...exchange.headers },
      });
    } catch (error) {
      if (error instanceof SinkFailure) throw error.cause;
      throw networkFailure(error, what, exchange.signal);
    }
  }
}

function exchangeOf({ method, signal, maxAnswer, sink, body }: Call): Omit<Exchange, "url" | "headers"> {
  return {
    method,
    signal,
    ...(maxAnswer !== undefined && { maxAnswer }),
    ...(sink !== undefined && { sink }),
    ...(body !== undefined && { body: body() }),
  };
}
