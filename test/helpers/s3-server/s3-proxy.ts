import {
  Agent,
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { s3OperationOf } from "./s3-operation.js";

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Such as `PutObject` (s3-operation.ts). */
  readonly operation: string;
  readonly headers: IncomingMessage["headers"];
}

/** PEM. */
interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** What the proxy does to one request instead of passing it on. */
export type Fault =
  /** The server is not asked; the client is told this status and S3 error code. */
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** The connection is reset when so many bytes of the request's body have come. The server is not asked. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** The server carries the request out, and the client's connection is reset before it hears of it. */
  | { readonly kind: "lose-answer" }
  /** The answer's body is cut after so many bytes. */
  | { readonly kind: "cut-answer"; readonly afterBytes: number }
  /** The client is told what the same request was answered first, as by a cache. */
  | { readonly kind: "answer-as-before" }
  /** The request waits before it is passed on. */
  | { readonly kind: "delay"; readonly ms: number };

interface WholeAnswer {
  readonly status: number;
  readonly headers: string[];
  readonly body: Buffer;
}

/**
 * Stands between an S3 client and its server on loopback: counts the requests, and does to them what a test asks for. The Host
 * header is passed on as it came, since it is signed.
 */
export class S3Proxy {
  /** Since the start or the last `reset`. */
  readonly requests: SeenRequest[] = [];
  /** Bytes of the bodies that clients sent and were sent. */
  bytesUp = 0;
  bytesDown = 0;
  /** The most bytes of request bodies that were on their way to the server at one time. */
  mostBytesAtOnce = 0;
  #bytesAtOnce = 0;
  /** Asked for each request. */
  faultFor: (request: SeenRequest) => Fault | undefined = () => undefined;
  readonly #answered = new Map<string, WholeAnswer>();
  /** Gives an idle connection up before the server does, which does so after 65 seconds. */
  readonly #agent = new Agent({ keepAlive: true, timeout: 30_000 });
  readonly #server: Server;

  private constructor(
    private readonly target: URL,
    private readonly tls: TlsFiles | undefined,
  ) {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      // Either side may hang up at any time; the other one is then hung up on as well.
      // A request that was read to some point only has no socket any more.
      const { socket } = request;
      const size = Number(request.headers["content-length"] ?? 0);
      this.#bytesAtOnce += size;
      this.mostBytesAtOnce = Math.max(this.mostBytesAtOnce, this.#bytesAtOnce);
      void this.#handle(request, response)
        .catch(() => socket.destroy())
        .finally(() => (this.#bytesAtOnce -= size));
    };
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  /**
   * @param endpoint of the server: http://host:port
   * @param tls to be spoken to over HTTPS, as `localhost`
   */
  static async start(endpoint: string, tls?: TlsFiles): Promise<S3Proxy> {
    const proxy = new S3Proxy(new URL(endpoint), tls);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    const { port } = this.#server.address() as AddressInfo;
    return this.tls === undefined ? `http://127.0.0.1:${String(port)}` : `https://localhost:${String(port)}`;
  }

  /** How many requests there were of each operation. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { operation } of this.requests) counts[operation] = (counts[operation] ?? 0) + 1;
    return counts;
  }

  reset(): void {
    this.requests.length = 0;
    this.bytesUp = 0;
    this.bytesDown = 0;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const seen = { method, url, operation: s3OperationOf(method, url), headers };
    this.requests.push(seen);
    request.on("data", (chunk: Buffer) => (this.bytesUp += chunk.length)).pause();
    const fault = this.faultFor(seen);
    if (fault?.kind === "answer") {
      request.resume();
      response.writeHead(fault.status, { "content-type": "application/xml" });
      response.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>on purpose</Message></Error>`);
      return;
    }
    if (fault?.kind === "reset") {
      await resetAfter(request, fault.afterBytes);
      return;
    }
    if (fault?.kind === "delay") await sleep(fault.ms);
    if (fault?.kind === "answer-as-before") {
      const same = `${method} ${url}`;
      const first = this.#answered.get(same) ?? (await wholeAnswer(await this.#ask(request)));
      this.#answered.set(same, first);
      request.resume();
      response.writeHead(first.status, first.headers).end(first.body);
      return;
    }
    const answer = await this.#ask(request);
    if (fault?.kind === "lose-answer") {
      for await (const _ of answer);
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    let sent = 0;
    answer.on("data", (chunk: Buffer) => {
      this.bytesDown += chunk.length;
      sent += chunk.length;
      if (fault?.kind === "cut-answer" && sent >= fault.afterBytes) request.socket.resetAndDestroy();
    });
    await pipeline(answer, response);
  }

  async #ask(request: IncomingMessage): Promise<IncomingMessage> {
    // What the client expects has been answered by this server already.
    const { expect: _, ...headers } = request.headers;
    const onward = forward({
      agent: this.#agent,
      host: this.target.hostname,
      port: this.target.port,
      method: request.method,
      path: request.url,
      headers,
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      onward.once("response", resolve);
      onward.once("error", reject);
    });
    await Promise.all([answered, pipeline(request, onward)]);
    return await answered;
  }
}

async function wholeAnswer(answer: IncomingMessage): Promise<WholeAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 502, headers: answer.rawHeaders, body: Buffer.concat(chunks) };
}

async function resetAfter(request: IncomingMessage, bytes: number): Promise<void> {
  const { socket } = request;
  let received = 0;
  for await (const chunk of request) {
    received += (chunk as Buffer).length;
    if (received >= bytes) break;
  }
  socket.resetAndDestroy();
}
