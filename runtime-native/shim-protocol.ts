import { encodeExec } from "./launch-plan-encoding.js";
import type { ProcessPlan } from "./launch-plan.js";
import { NativeError } from "./native-error.js";

/**
 * What is spoken on a container's socket (LaunchPlan.socketPath, a unix stream socket of mode 0600) and on `attachFd`.
 * Frames in both directions: [u8 type][u32be length][payload]. Numbers are big-endian, `text` is [u32 length][bytes].
 *
 * Client to shim. A connection starts out for control (KILL, WAIT, RESIZE, about the container's first process); ATTACH or EXEC,
 * once, gives it to an output. `attachFd` is already attached to all three streams.
 *
 *   1 ATTACH       u8 streams (1 stdin, 2 stdout, 4 stderr): output from now on, nothing is replayed. Answer: STARTED.
 *   2 STDIN        bytes. Read no faster than the process reads: what is sent behind it on the same connection waits. Without a
 *                  stdin, or after its end, they go nowhere.
 *   3 CLOSE_STDIN  empty
 *   4 RESIZE       u16 rows, u16 columns. No answer; without a tty it has no effect.
 *   5 EXEC         u8 detach, u8 openStdin, process plan (launch-plan-encoding.ts). Answer: STARTED or ERROR. Detached:
 *                  output is discarded and no EXIT follows. When the client goes away, its process runs on.
 *   6 KILL         u32 signal, to the connection's own exec process, else to the container's first process. Answer: DONE or ERROR.
 *   7 WAIT         empty; not on an exec connection. Answer: EXIT, when everything of the container has been cleaned up and the exit file is in place.
 *
 * Shim to client:
 *
 *   128 STARTED    u32 host pid
 *   129 STDOUT     bytes (all output of a tty)
 *   130 STDERR     bytes
 *   131 EXIT       u8 exit code, u8 oomKilled: the last frame about an attached container or an exec process
 *   132 ERROR      i32 errno, text step, text syscall, text path, text code, text message
 *   133 DONE       empty
 *
 * After the last frame about a process the shim ends its side and reads the client's until that closes, 5 s at most at the
 * container's end: a client that is still sending stdin meets no error before it has read EXIT.
 *
 * A malformed, oversized or misplaced frame closes that connection and nothing else. A client that stops reading holds at most
 * 256 KiB: after that the shim stops reading the process's output (as a pipe would), and when the client has taken nothing
 * for 30 s while somebody else needs that output (the log, another client), it is disconnected.
 */
const ATTACH = 1;
const STDIN = 2;
const CLOSE_STDIN = 3;
const RESIZE = 4;
const EXEC = 5;
const KILL = 6;
const WAIT = 7;
const STARTED = 128;
const STDOUT = 129;
const STDERR = 130;
const EXIT = 131;
const ERROR = 132;
const DONE = 133;

/** The shim never sends more in one frame. */
const MAX_SHIM_PAYLOAD = 1 << 20;
/** The shim refuses more in one STDIN frame. */
const MAX_STDIN_PAYLOAD = 1 << 16;
const HEADER_BYTES = 5;

export type ShimMessage =
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "stdout" | "stderr"; readonly data: Buffer }
  | { readonly type: "exit"; readonly exitCode: number; readonly oomKilled: boolean }
  | { readonly type: "error"; readonly error: NativeError }
  | { readonly type: "done" };

/** Frames for the shim. Each result may be written to the socket as it is. */
export const shimRequest = {
  attach(streams: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }): Buffer {
    return frame(ATTACH, [(streams.stdin ? 1 : 0) | (streams.stdout ? 2 : 0) | (streams.stderr ? 4 : 0)]);
  },
  /** As many frames as the data needs. */
  stdin(data: Uint8Array): Buffer {
    const frames: Buffer[] = [];
    for (let at = 0; at < data.byteLength; at += MAX_STDIN_PAYLOAD) {
      frames.push(frame(STDIN, data.subarray(at, at + MAX_STDIN_PAYLOAD)));
    }
    return Buffer.concat(frames);
  },
  closeStdin(): Buffer {
    return frame(CLOSE_STDIN, []);
  },
  resize(size: { readonly rows: number; readonly columns: number }): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt16BE(size.rows, 0);
    payload.writeUInt16BE(size.columns, 2);
    return frame(RESIZE, payload);
  },
  /** @throws NativeError INVALID_PLAN for a string with a NUL byte */
  exec(process: ProcessPlan, options: { readonly detach: boolean; readonly openStdin: boolean }): Buffer {
    return frame(EXEC, encodeExec(process, options));
  },
  kill(signal: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(signal, 0);
    return frame(KILL, payload);
  },
  wait(): Buffer {
    return frame(WAIT, []);
  },
};

/** Cuts the shim's answers out of a byte stream. */
export class ShimMessageDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /** @returns the messages that `chunk` completes. @throws NativeError SHIM_PROTOCOL when this is not a shim's answer */
  push(chunk: Uint8Array): ShimMessage[] {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const messages: ShimMessage[] = [];
    let at = 0;
    while (this.#pending.length - at >= HEADER_BYTES) {
      const length = this.#pending.readUInt32BE(at + 1);
      if (length > MAX_SHIM_PAYLOAD) throw protocolError(`a frame of ${String(length)} bytes`);
      const end = at + HEADER_BYTES + length;
      if (this.#pending.length < end) break;
      messages.push(decode(this.#pending.readUInt8(at), this.#pending.subarray(at + HEADER_BYTES, end)));
      at = end;
    }
    this.#pending = this.#pending.subarray(at);
    return messages;
  }
}

function frame(type: number, payload: ArrayLike<number>): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32BE(payload.length, 1);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function decode(type: number, payload: Buffer): ShimMessage {
  try {
    switch (type) {
      case STARTED:
        return { type: "started", pid: payload.readUInt32BE(0) };
      case STDOUT:
        return { type: "stdout", data: payload };
      case STDERR:
        return { type: "stderr", data: payload };
      case EXIT:
        return { type: "exit", exitCode: payload.readUInt8(0), oomKilled: payload.readUInt8(1) === 1 };
      case ERROR:
        return { type: "error", error: decodeError(payload) };
      case DONE:
        return { type: "done" };
      default:
        throw protocolError(`frame type ${String(type)}`);
    }
  } catch (error) {
    if (error instanceof RangeError) throw protocolError("a frame that is cut short");
    throw error;
  }
}

function decodeError(payload: Buffer): NativeError {
  const errno = payload.readInt32BE(0);
  let at = 4;
  const text = (): string => {
    const start = at + 4;
    at = start + payload.readUInt32BE(at);
    if (at > payload.length) throw new RangeError();
    return payload.toString("utf8", start, at);
  };
  const [step, syscall, path, code, message] = [text(), text(), text(), text(), text()];
  return new NativeError(message, code, {
    ...(errno !== 0 && { errno }),
    ...(syscall !== "" && { syscall }),
    ...(step !== "" && { step }),
    ...(path !== "" && { path }),
  });
}

function protocolError(what: string): NativeError {
  return new NativeError(`the container's shim sent ${what}`, "SHIM_PROTOCOL");
}
