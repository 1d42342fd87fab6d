import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedEvent {
  readonly id: string;
  readonly timestamp: string;
  readonly action: string;
  readonly target: Readonly<Record<string, unknown>>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly source: Readonly<Record<string, unknown>>;
}

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a post; 200 unless it does something else. */
export type Behaviour = (response: ServerResponse, attempt: number) => void;

/** An endpoint of webhooks that can behave in any way. */
export class WebhookReceiver {
  readonly posts: ReceivedPost[] = [];
  /** Of posts that were answered 200. */
  readonly events: ReceivedEvent[] = [];

  private constructor(
    private readonly server: Server,
    public behave: Behaviour | undefined,
  ) {}

  static async start(behave?: Behaviour): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server, behave);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        receiver.posts.push({ path: request.url ?? "", headers: request.headers, body });
        if (receiver.behave !== undefined) {
          receiver.behave(response, receiver.posts.length);
        } else {
          response.end();
        }
        if (response.statusCode !== 200 || !response.writableEnded) return;
        receiver.events.push(...((JSON.parse(body) as { events?: ReceivedEvent[] }).events ?? []));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}/hook`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
