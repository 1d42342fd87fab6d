import { Socket, connect } from "node:net";

import { type LaunchPlan, launchShim, shimRequest, ShimMessageDecoder } from "../../runtime-native/index.js";
import type { LaunchedContainer, ProcessPlan, ShimMessage } from "../../runtime-native/index.js";

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

/** One connection to a container's shim; messages are kept until they are asked for. */
export class ShimClient {
  readonly #decoder = new ShimMessageDecoder();
  readonly #messages: ShimMessage[] = [];
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.#messages.push(...this.#decoder.push(chunk));
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static connect(plan: LaunchPlan): ShimClient {
    return new ShimClient(connect(plan.socketPath));
  }

  static exec(plan: LaunchPlan, process: ProcessPlan, options = { detach: false, openStdin: false }): ShimClient {
    const client = ShimClient.connect(plan);
    client.send(shimRequest.exec(process, options));
    return client;
  }

  send(...frames: readonly Buffer[]): void {
    for (const frame of frames) this.socket.write(frame);
  }

  /** The next message, whatever it is. @throws Error when the connection has ended */
  async next(): Promise<ShimMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#closed) throw new Error("the shim has closed the connection");
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Output until it matches. */
  async until(pattern: RegExp): Promise<string> {
    let text = "";
    while (!pattern.test(text)) {
      const message = await this.next();
      if (message.type === "stdout" || message.type === "stderr") text += message.data.toString();
      else if (message.type === "exit") throw new Error(`ended after: ${text}`);
    }
    return text;
  }

  /** All output until the process has ended. @throws NativeError when it could not be started */
  async finish(): Promise<Finished> {
    const output = { stdout: "", stderr: "" };
    for (;;) {
      const message = await this.next();
      if (message.type === "stdout" || message.type === "stderr") output[message.type] += message.data.toString();
      else if (message.type === "error") throw message.error;
      else if (message.type === "exit") return { ...output, ...message };
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

export interface Launched extends LaunchedContainer {
  readonly client: ShimClient;
}

export async function launchAttached(plan: LaunchPlan): Promise<Launched> {
  const launched = await launchShim(plan);
  if (launched.attachFd === undefined) throw new Error("no attach connection");
  return { ...launched, client: new ShimClient(new Socket({ fd: launched.attachFd })) };
}

/** Launches, and waits for the end. */
export async function runToEnd(plan: LaunchPlan): Promise<Finished> {
  return (await launchAttached(plan)).client.finish();
}
