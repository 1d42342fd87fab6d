/** What a registry takes as proof of who asks. An identity token stands for both (Docker's `identitytoken`, which others save). */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
}

export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface ClientOptions {
  /** `host[:port]` as in references; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** A function is called once, when the registry asks who is there: credential helpers are slow. */
  readonly credentials?: Credentials | (() => Promise<Credentials | undefined>);
  /** Base of the API, such as `https://mirror:5000/prefix/v2`, when it is not at the registry's own address. */
  readonly endpoint?: string;
  /** Sent to the endpoint as `ns=`: the registry that a mirror shall answer for (containerd's convention). */
  readonly namespace?: string;
  /** Sent with every request to the registry's own origin, and to no other. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Trusted besides the usual authorities (trustedAuthorities), PEM. */
  readonly authorities?: readonly string[];
  /** Shown to servers that ask for a client certificate, PEM. */
  readonly certificates?: readonly ClientCertificate[];
  /** Certificates are not verified, and plain HTTP is taken when HTTPS fails. Loopback addresses always are insecure. */
  readonly insecure?: boolean;
  /** A registry that is not on a private network itself must not send us to one, by redirects or for tokens. */
  readonly refusePrivateRedirects?: boolean;
  readonly userAgent?: string;
  readonly limits?: Partial<ClientLimits>;
  /** Where HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are read; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Times in milliseconds. None of them bounds a whole transfer, only how long nothing (or next to nothing) comes. */
export interface ClientLimits {
  readonly connectTimeout: number;
  /** From the request's last byte to the answer's first: registries hash and store a blob in this time. */
  readonly headersTimeout: number;
  /** The same for the first request of all, which costs a registry nothing. */
  readonly pingTimeout: number;
  readonly idleTimeout: number;
  /**
   * A transfer with fewer than `lowSpeedBytes` in this time is broken off (and resumed); an answer that is no transfer
   * has to be here whole within it.
   */
  readonly lowSpeedTime: number;
  readonly lowSpeedBytes: number;
  /** How often one request is tried in all. A transfer that got further by `progressBytes` starts counting anew. */
  readonly attempts: number;
  readonly progressBytes: number;
  /** First pause between attempts; doubles up to `maximumDelay`, with jitter. */
  readonly baseDelay: number;
  readonly maximumDelay: number;
  /** A server that asks for a longer wait (Retry-After) is not waited for. */
  readonly longestRetryAfter: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  connectTimeout: 10_000,
  headersTimeout: 120_000,
  pingTimeout: 30_000,
  idleTimeout: 30_000,
  lowSpeedTime: 60_000,
  lowSpeedBytes: 64 * 1024,
  attempts: 5,
  progressBytes: 64 * 1024,
  baseDelay: 250,
  maximumDelay: 15_000,
  longestRetryAfter: 60_000,
};
