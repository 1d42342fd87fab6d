import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import type { Logger } from "pino";

import { BerthError, isBerthError } from "../../oci/errors.js";
import { RegistryClient } from "../../puller/client/index.js";
import type { UpstreamSettings } from "../config/mirrors-section.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import type { UpstreamCounts } from "./mirror-counts.js";
import type { SharedPause } from "./shared-pause.js";
import { faultClassOf, isNotThere, isPassing, mirrorFault, retryAfterOf } from "./upstream-faults.js";

/** Of one request that fails; the client asking again is cheaper than a queue of clients waiting. */
const ATTEMPTS = 3;
const LONGEST_RETRY_AFTER_MS = 1000;

/** The settings, and what is in the files that they name. */
export interface UpstreamAccess {
  readonly settings: UpstreamSettings;
  readonly password: string | undefined;
  readonly authority: string | undefined;
}

/** @throws BerthError CONFIG_INVALID for files that cannot be read */
export function readUpstreamAccess(settings: UpstreamSettings): UpstreamAccess {
  const { password, passwordFile, caFile } = settings;
  return {
    settings,
    password: password ?? (passwordFile === undefined ? undefined : readSecret(passwordFile)),
    authority: caFile === undefined ? undefined : readText(caFile),
  };
}

/** Another registry, of whose repositories copies are kept. */
export class Upstream {
  readonly host: string;
  readonly settings: UpstreamSettings;
  #client: RegistryClient | undefined;
  readonly #breaker = new CircuitBreaker();
  /** Of each question that is being asked. */
  readonly #asking = new Set<AbortController>();
  #isClosed = false;
  #isRetired = false;

  constructor(
    private readonly access: UpstreamAccess,
    readonly counts: UpstreamCounts,
    private readonly pause: SharedPause,
    private readonly log: Logger,
  ) {
    this.settings = access.settings;
    this.host = new URL(access.settings.url).host;
    counts.host = this.host;
    counts.isLeftAlone = () => this.#breaker.isOpen;
  }

  /** Whether it would be the same under those. */
  isAs(access: UpstreamAccess): boolean {
    return isDeepStrictEqual(this.access, access);
  }

  /**
   * Asks the upstream, unless it is being left alone. All attempts together have the time that one may take, until the
   * question calls `begun`: a transfer goes on while bytes come.
   * @param what for messages: `manifest`, `blob`
   * @throws BerthError as in upstream-faults.ts; UNAVAILABLE while it is left alone
   */
  async ask<T>(
    what: string,
    question: (client: RegistryClient, signal: AbortSignal, begun: () => void) => Promise<T>,
  ): Promise<T> {
    const wait = (await this.pause.left()) || this.#breaker.admit();
    if (wait > 0) {
      this.counts.fault("left_alone");
      throw new BerthError("UNAVAILABLE", `${this.host} has failed again and again and is left alone for a while`, {
        details: { retryAfter: wait },
      });
    }
    const asking = new AbortController();
    const { answerSeconds } = this.settings.timeouts;
    const deadline = setTimeout(() => {
      asking.abort(new BerthError("TIMEOUT", `no answer after ${String(answerSeconds)} s`));
    }, answerSeconds * 1000);
    this.#asking.add(asking);
    try {
      const answer = await question(this.#reach(), asking.signal, () => {
        clearTimeout(deadline);
        this.#breaker.succeeded();
      });
      this.#breaker.succeeded();
      await this.pause.tell(0);
      return answer;
    } catch (error) {
      const { reason } = asking.signal as { readonly reason: unknown };
      throw await this.#judge(isBerthError(reason) ? reason : error, what);
    } finally {
      clearTimeout(deadline);
      this.#asking.delete(asking);
      if (this.#isRetired) this.#rest();
    }
  }

  /** Other settings have taken its place: questions that are being asked, or still come, are answered all the same. */
  retire(): void {
    this.#isRetired = true;
    this.#rest();
  }

  /** Another process has asked in vain, and says so. */
  heard(failure: unknown): void {
    if (isBerthError(failure, "TIMEOUT", "TOO_MANY_REQUESTS", "UNAVAILABLE"))
      this.#breaker.failed(retryAfterOf(failure));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const asking of this.#asking) asking.abort();
    await this.#client?.close();
  }

  /** Its connections, of which it has none while nobody asks a retired one. */
  #reach(): RegistryClient {
    if (this.#isClosed) throw new BerthError("ABORTED", "the registry is stopping");
    this.#client ??= this.#connect();
    return this.#client;
  }

  #connect(): RegistryClient {
    const { settings, password, authority } = this.access;
    const { url, username, insecure, privateRedirects, timeouts } = settings;
    return new RegistryClient({
      registry: this.host,
      endpoint: `${url.replace(/\/+$/, "")}/v2`,
      ...(username !== undefined && password !== undefined && { credentials: { username, password } }),
      ...(authority !== undefined && { authorities: [authority] }),
      insecure,
      refusePrivateRedirects: !privateRedirects,
      limits: {
        connectTimeout: timeouts.connectSeconds * 1000,
        headersTimeout: timeouts.answerSeconds * 1000,
        pingTimeout: timeouts.answerSeconds * 1000,
        idleTimeout: timeouts.idleSeconds * 1000,
        attempts: ATTEMPTS,
        longestRetryAfter: LONGEST_RETRY_AFTER_MS,
      },
    });
  }

  #rest(): void {
    if (this.#asking.size > 0 || this.#isClosed) return;
    const client = this.#client;
    this.#client = undefined;
    client?.close().catch((error: unknown) => {
      this.log.warn({ upstream: this.settings.name, err: error }, "the connections to an upstream could not be closed");
    });
  }

  /** Tells the breaker, other processes and the log. @returns what to tell the client */
  async #judge(error: unknown, what: string): Promise<Error> {
    const fault = mirrorFault(error, this.host, what);
    // UNAVAILABLE is the store's here.
    const isOurs = !isBerthError(fault) || isBerthError(error, "NO_SPACE", "STORAGE", "UNAVAILABLE");
    if (this.#isClosed || isOurs || isLying(error)) this.#breaker.undecided();
    else if (isPassing(fault)) await this.pause.tell(this.#breaker.failed(retryAfterOf(fault)));
    else this.#breaker.succeeded();
    if (!isNotThere(fault) && !this.#isClosed) {
      this.counts.fault(faultClassOf(error));
      this.log.warn({ upstream: this.settings.name, err: error }, fault.message);
    }
    return fault;
  }
}

/** One thing that is wrong there says nothing of the others. */
function isLying(error: unknown): boolean {
  return isBerthError(error, "DIGEST_INVALID", "SIZE_INVALID", "MANIFEST_INVALID", "TOO_LARGE");
}

function readSecret(path: string): string {
  return readText(path).replace(/\r?\n$/, "");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new BerthError(
      "CONFIG_INVALID",
      `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}
