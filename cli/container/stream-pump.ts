import type { ReadStream, WriteStream } from "node:tty";

import type { ShimConnection } from "../../engine/index.js";
import { shimRequest, type ShimMessage } from "../../runtime-native/shim-protocol.js";
import { DetachKeys, parseDetachKeys } from "./detach-keys.js";
import { makeTerminalRaw } from "./raw-terminal.js";

export interface PumpOptions {
  /** Send this process's standard input. */
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly detachKeys: string;
  /** Output that STARTED was followed by; absent: the connection's from its beginning. */
  readonly messages?: AsyncGenerator<ShimMessage>;
}

export type PumpResult =
  | { readonly kind: "exit"; readonly exitCode: number }
  | { readonly kind: "detached" }
  /** The shim went away without a word. */
  | { readonly kind: "lost" };

/** Joins this process's streams to a container's or an exec's until it ends or the detach keys are typed. Closes the connection. */
export async function pumpStreams(connection: ShimConnection, options: PumpOptions): Promise<PumpResult> {
  let detached = false;
  const keyboard = options.stdin
    ? new StandardInput(connection, options, () => {
        detached = true;
        connection.close();
      })
    : undefined;
  const stopResizing = options.tty ? followTerminalSize(connection) : undefined;
  try {
    for await (const message of options.messages ?? connection.messages()) {
      if (message.type === "stdout") await write(process.stdout, message.data);
      else if (message.type === "stderr") await write(process.stderr, message.data);
      else if (message.type === "error") throw message.error;
      else if (message.type === "exit") return { kind: "exit", exitCode: message.exitCode };
    }
    return { kind: detached ? "detached" : "lost" };
  } finally {
    keyboard?.stop();
    stopResizing?.();
    connection.close();
  }
}

class StandardInput {
  readonly #stdin: ReadStream | NodeJS.ReadStream = process.stdin;
  readonly #keys: DetachKeys | undefined;
  readonly #restoreTerminal: (() => void) | undefined;

  constructor(
    private readonly connection: ShimConnection,
    options: PumpOptions,
    private readonly onDetach: () => void,
  ) {
    if (options.tty && this.#stdin.isTTY) {
      this.#keys = new DetachKeys(parseDetachKeys(options.detachKeys));
      this.#restoreTerminal = makeTerminalRaw(this.#stdin);
    }
    this.#stdin.on("data", this.#onData).once("end", this.#onEnd).once("error", this.#onEnd);
  }

  stop(): void {
    this.#stdin.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onEnd);
    this.#stdin.pause();
    this.#restoreTerminal?.();
    // A pipe that nobody writes to must not keep this process.
    if ("unref" in this.#stdin && typeof this.#stdin.unref === "function") this.#stdin.unref();
  }

  readonly #onData = (chunk: Buffer): void => {
    const { pass, detach } = this.#keys?.filter(chunk) ?? { pass: chunk, detach: false };
    if (pass.length > 0 && !this.connection.send(shimRequest.stdin(pass))) {
      this.#stdin.pause();
      void this.connection.drained().then(() => this.#stdin.resume());
    }
    if (detach) this.onDetach();
  };

  readonly #onEnd = (): void => {
    this.connection.send(shimRequest.closeStdin());
  };
}

/** @returns how to stop */
function followTerminalSize(connection: ShimConnection): () => void {
  const out = process.stdout as WriteStream;
  if (!out.isTTY) return () => undefined;
  const resize = (): void => {
    connection.send(shimRequest.resize({ rows: out.rows, columns: out.columns }));
  };
  out.on("resize", resize);
  return () => out.off("resize", resize);
}

/** Of the terminal that this process writes to. */
export function terminalSize(): { readonly rows: number; readonly columns: number } | undefined {
  const out = process.stdout as WriteStream;
  return out.isTTY ? { rows: out.rows, columns: out.columns } : undefined;
}

/** Resolves when the stream takes more; a reader that went away (`| head`) ends nothing but the writing. */
function write(stream: NodeJS.WriteStream, data: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.write(data)) {
      resolve();
      return;
    }
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.once("drain", done).once("close", done);
  });
}
