import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer, type ServerOptions } from "node:https";
import { isIPv6, type AddressInfo } from "node:net";

import { BerthError, errnoOf } from "../../oci/errors.js";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** A connection on which nothing moves for this long is closed. */
  readonly idleTimeoutMs: number;
  /** How long `close` lets requests go on. */
  readonly drainTimeoutMs: number;
  /** HTTPS; absent for plain HTTP. */
  readonly tls?: ListenerTls;
}

export interface ListenerTls {
  readonly serverOptions: ServerOptions;
  /** Sees to the server's certificate from then on. */
  attach(server: SecureServer): void;
}

/** Longer than the 60 s after which common proxies drop an idle connection, so that they never use one we have closed. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADERS_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_CHECK_MS = 5_000;
const IDLE_CHECK_MS = 100;

export class Listener {
  #draining = false;

  private constructor(
    private readonly server: Server | SecureServer,
    private readonly options: ListenerOptions,
  ) {}

  /** @throws BerthError ADDRESS_IN_USE; PRIVILEGE for a port that needs it; USAGE for an address that is not ours */
  static async open(handler: RequestListener, options: ListenerOptions): Promise<Listener> {
    const server = serverFor(options);
    server.timeout = options.idleTimeoutMs;
    const listener = new Listener(server, options);
    server.on("request", (request, response) => {
      if (listener.#draining) response.setHeader("Connection", "close");
      handler(request, response);
    });
    const { host, port } = options.address;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => {
        reject(listenFault(error, `${host}:${String(port)}`));
      });
      server.listen({ host, port }, resolve);
    });
    return listener;
  }

  get address(): ListenAddress {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  get url(): string {
    const { host, port } = this.address;
    return `${this.options.tls === undefined ? "http" : "https"}://${isIPv6(host) ? `[${host}]` : host}:${String(port)}`;
  }

  /** Takes no new connection, lets requests end, and cuts those that do not in time. */
  async close(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeIdleConnections();
    const idle = setInterval(() => {
      this.server.closeIdleConnections();
    }, IDLE_CHECK_MS);
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
    }, this.options.drainTimeoutMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
  }
}

function serverFor({ tls, idleTimeoutMs }: ListenerOptions): Server | SecureServer {
  // A client that sends its header byte by byte is not idle.
  const headersTimeout = Math.min(MAX_HEADERS_TIMEOUT_MS, idleTimeoutMs);
  const options = {
    // A push of hours is in order as long as bytes come: what counts is idle time.
    requestTimeout: 0,
    headersTimeout,
    connectionsCheckingInterval: Math.min(MAX_TIMEOUT_CHECK_MS, headersTimeout / 4),
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  };
  if (tls === undefined) return createServer(options);
  const server = createSecureServer({ ...options, ...tls.serverOptions });
  tls.attach(server);
  return server;
}

function listenFault(cause: Error, address: string): BerthError {
  switch (errnoOf(cause) ?? "") {
    case "EADDRINUSE":
      return new BerthError(
        "ADDRESS_IN_USE",
        `${address} is in use: stop what listens there or choose another with --listen`,
        {
          cause,
        },
      );
    case "EACCES":
      return new BerthError("PRIVILEGE", `listening on ${address} needs root: choose a port above 1023 with --listen`, {
        cause,
      });
    default:
      return new BerthError("USAGE", `cannot listen on ${address}: ${cause.message}`, { cause });
  }
}
