/** What a registry takes as proof of who asks. An identity token stands for both (Docker's `identitytoken`). */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
}

export interface ClientOptions {
  /** `host[:port]` as in references; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly credentials?: Credentials;
  /** Certificates are not verified, and plain HTTP is taken when HTTPS fails. Loopback addresses always are insecure. */
  readonly insecure?: boolean;
  readonly userAgent?: string;
  readonly limits?: Partial<ClientLimits>;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Times in milliseconds. None of them bounds a whole transfer, only how long nothing (or next to nothing) comes. */
export interface ClientLimits {
  readonly connectTimeout: number;
  /** From the request's last byte to the answer's first: registries hash and store a blob in this time. */
  readonly headersTimeout: number;
  readonly idleTimeout: number;
  /** A transfer with fewer than `lowSpeedBytes` in this time is broken off (and resumed). */
  readonly lowSpeedTime: number;
  readonly lowSpeedBytes: number;
  /** How often one request is tried in all. A transfer that got further starts counting anew. */
  readonly attempts: number;
  /** First pause between attempts; doubles up to `maximumDelay`, with jitter. */
  readonly baseDelay: number;
  readonly maximumDelay: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  connectTimeout: 10_000,
  headersTimeout: 120_000,
  idleTimeout: 30_000,
  lowSpeedTime: 60_000,
  lowSpeedBytes: 4096,
  attempts: 5,
  baseDelay: 250,
  maximumDelay: 15_000,
};
