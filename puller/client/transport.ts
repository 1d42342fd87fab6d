import { Writable, type Readable } from "node:stream";

import { Agent, EnvHttpProxyAgent, type Dispatcher } from "undici";

import { BerthError } from "../../oci/errors.js";
import type { AddressGuard } from "./address-guard.js";
import type { ClientLimits, ClientOptions } from "./client-options.js";
import type { Answer } from "./response-error.js";
import { buildOptions, tlsConnector, tlsSettings, type TlsSettings } from "./tls-connector.js";

/** Takes a transfer's bytes. A chunk must not be changed until its write has resolved; a rejection ends the transfer. */
export interface ByteSink {
  write(chunk: Uint8Array): Promise<void>;
}

export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; default: the limits' headersTimeout. */
  readonly headersTimeout?: number;
  /** Bytes of answer that are kept when no sink takes them; more is an error. */
  readonly maxAnswer?: number;
  /** Looks at status and headers and takes the body of the answer, or leaves it to be kept. */
  readonly sink?: (status: number, headers: Answer["headers"]) => ByteSink | undefined;
}

/** Tells what the taker of the bytes said from what the network did. */
export class SinkFailure extends Error {
  constructor(override readonly cause: unknown) {
    super("the bytes were not taken");
  }
}

const MAX_ERROR_BODY = 64 * 1024;
const SINK_BUFFER = 1024 * 1024;

/** Connections to one registry and to wherever it redirects. One HTTP exchange at a time: no retries, no redirects. */
export class Transport {
  readonly #dispatcher: Dispatcher;
  readonly #direct: Dispatcher;
  readonly #limits: ClientLimits;

  constructor(options: ClientOptions, limits: ClientLimits, loopback: boolean, guard?: AddressGuard) {
    this.#limits = limits;
    const tls = (): TlsSettings => tlsSettings(options, !(options.insecure === true || loopback));
    const settings: Agent.Options = {
      connect: tlsConnector(tls, {
        timeout: limits.connectTimeout,
        ...(guard !== undefined && { lookup: guard.lookup }),
      }),
      headersTimeout: limits.headersTimeout,
      bodyTimeout: limits.idleTimeout,
      keepAliveTimeout: 10_000,
      maxResponseSize: -1,
    };
    this.#direct = new Agent(settings);
    const proxies = loopback ? undefined : proxiesIn(options.environment ?? process.env);
    this.#dispatcher =
      proxies === undefined
        ? this.#direct
        : new EnvHttpProxyAgent({
            ...settings,
            ...proxies,
            requestTls: buildOptions(tls()),
            proxyTls: buildOptions(tls()),
          });
  }

  async exchange(request: Exchange): Promise<Answer> {
    const { method, url, headers, body, signal, headersTimeout, maxAnswer = MAX_ERROR_BODY } = request;
    const kept: Uint8Array[] = [];
    let status = 0;
    let answered: Answer["headers"] = {};
    await this.#dispatcher.stream(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers,
        ...(body !== undefined && { body }),
        ...(signal !== undefined && { signal }),
        ...(headersTimeout !== undefined && { headersTimeout }),
      },
      (reply) => {
        status = reply.statusCode;
        answered = reply.headers;
        const sink = request.sink?.(status, answered);
        return sink === undefined
          ? keepBytes(kept, maxAnswer, this.#limits.lowSpeedTime)
          : pourInto(sink, this.#limits);
      },
    );
    return { status, headers: answered, body: Buffer.concat(kept) };
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
    await this.#direct.destroy();
  }
}

function keepBytes(kept: Uint8Array[], limit: number, time: number): Writable {
  let size = 0;
  const stream = new Writable({
    write(chunk: Uint8Array, _encoding, done): void {
      size += chunk.byteLength;
      kept.push(chunk);
      done(
        size > limit
          ? new BerthError("TOO_LARGE", `the registry's answer is longer than ${String(limit)} bytes`)
          : null,
      );
    },
    destroy(error, done): void {
      clearTimeout(deadline);
      done(error);
    },
  });
  const deadline = setTimeout(() => {
    stream.destroy(new Error(`the answer was not whole after ${String(time / 1000)} s`));
  }, time);
  deadline.unref();
  return stream;
}

async function hand(sink: ByteSink, chunk: Uint8Array, done: (failure?: Error) => void): Promise<void> {
  try {
    await sink.write(chunk);
  } catch (error) {
    done(new SinkFailure(error));
    return;
  }
  done();
}

function pourInto(sink: ByteSink, { lowSpeedTime, lowSpeedBytes }: ClientLimits): Writable {
  let recent = 0;
  const stream = new Writable({
    highWaterMark: SINK_BUFFER,
    write(chunk: Uint8Array, _encoding, done): void {
      recent += chunk.byteLength;
      void hand(sink, chunk, done);
    },
    destroy(error, done): void {
      clearInterval(watch);
      done(error);
    },
  });
  // The idle timeout starts anew with each byte: a server that drips is caught here.
  const watch = setInterval(() => {
    if (recent < lowSpeedBytes && stream.writableLength === 0) {
      stream.destroy(new Error(`less than ${String(lowSpeedBytes)} bytes in ${String(lowSpeedTime / 1000)} s`));
    }
    recent = 0;
  }, lowSpeedTime);
  watch.unref();
  return stream;
}

function proxiesIn(
  environment: Readonly<Record<string, string | undefined>>,
): { httpProxy?: string; httpsProxy?: string; noProxy?: string } | undefined {
  const httpProxy = environment["http_proxy"] ?? environment["HTTP_PROXY"];
  const httpsProxy = environment["https_proxy"] ?? environment["HTTPS_PROXY"];
  const noProxy = environment["no_proxy"] ?? environment["NO_PROXY"];
  if (!httpProxy && !httpsProxy) return undefined;
  return {
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    ...(noProxy && { noProxy }),
  };
}
