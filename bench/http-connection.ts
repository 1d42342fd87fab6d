import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { ChunkedBody } from "./chunked-body.js";

export interface HttpReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Length of the body, which is read and thrown away. */
  readonly bytes: number;
}

/** The body of a request: its length and its pieces, in order. */
export interface HttpBody {
  readonly bytes: number;
  readonly pieces: Iterable<Uint8Array>;
}

interface ReplyUnderWay {
  readonly status: number;
  readonly headers: Map<string, string>;
  bytes: number;
  /** Of a body with a Content-Length. */
  left: number;
  readonly chunked?: ChunkedBody;
}

const READ_BUFFER_BYTES = 1024 * 1024;
const IDLE_TIMEOUT_MS = 60_000;

/**
 * One keep-alive HTTP/1.1 connection, one request at a time. Far less work per request than a real client, so that on few
 * cores the server is what is measured.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #head = "";
  #reply: ReplyUnderWay | undefined;
  #hasNoBody = false;
  #settle: { resolve: (reply: HttpReply) => void; reject: (error: Error) => void } | undefined;

  private constructor(
    port: number,
    private readonly host: string,
  ) {
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          this.#receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    this.#socket.setTimeout(IDLE_TIMEOUT_MS, () => this.#socket.destroy(new Error(`${host} is silent`)));
    this.#socket.on("error", (error) => {
      this.#fail(error);
    });
    this.#socket.on("close", () => {
      this.#fail(new Error(`${host} closed the connection`));
    });
  }

  static async open(port: number): Promise<HttpConnection> {
    const connection = new HttpConnection(port, `127.0.0.1:${port}`);
    await once(connection.#socket, "connect");
    return connection;
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  async request(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: HttpBody,
  ): Promise<HttpReply> {
    const length = (body ?? method === "POST") ? { "Content-Length": String(body?.bytes ?? 0) } : {};
    // The answer's Content-Length is that of a GET.
    this.#hasNoBody = method === "HEAD";
    const lines = Object.entries({ Host: this.host, ...headers, ...length }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const reply = new Promise<HttpReply>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1");
    if (body !== undefined) await Promise.race([this.#send(body), reply]);
    return await reply;
  }

  /** As `request`. @throws Error when the answer has another status. */
  async expect(status: number, ...request: Parameters<HttpConnection["request"]>): Promise<HttpReply> {
    const reply = await this.request(...request);
    if (reply.status === status) return reply;
    throw new Error(`${request[0]} ${request[1]} on ${this.host}: ${reply.status} instead of ${status}`);
  }

  async #send(body: HttpBody): Promise<void> {
    for (const piece of body.pieces) {
      if (!this.#socket.write(piece)) await once(this.#socket, "drain");
    }
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    if (this.#reply === undefined) {
      const before = this.#head.length;
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      rest = chunk.subarray(end + 4 - before);
      this.#reply = parseHead(this.#head.slice(0, end));
      this.#head = "";
    }
    const reply = this.#reply;
    if (reply.chunked === undefined) {
      reply.left -= rest.length;
      if (reply.left > 0 && !this.#hasNoBody) return;
    } else if (!this.#hasNoBody) {
      if (!reply.chunked.take(rest)) return;
      reply.bytes = reply.chunked.bytes;
    }
    this.#reply = undefined;
    this.#settle?.resolve(reply);
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
  }
}

function parseHead(head: string): ReplyUnderWay {
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const status = Number(statusLine.split(" ")[1]);
  const length = headers.get("content-length");
  if (headers.get("transfer-encoding") === "chunked") {
    return { status, headers, bytes: 0, left: 0, chunked: new ChunkedBody() };
  }
  if (length === undefined && status !== 204) throw new Error(`an answer without Content-Length: ${statusLine}`);
  return { status, headers, bytes: Number(length ?? 0), left: Number(length ?? 0) };
}
