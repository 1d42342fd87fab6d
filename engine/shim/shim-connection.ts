import { connect, Socket } from "node:net";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { ShimMessageDecoder, type ShimMessage } from "../../runtime-native/shim-protocol.js";

/** One connection to a container's shim. Whoever opened it closes it. */
export class ShimConnection {
  private constructor(private readonly socket: Socket) {
    // A broken connection shows as the end of messages(); writing to it needs no second report.
    socket.on("error", () => {
      socket.destroy();
    });
  }

  /** @throws BerthError CONTAINER_STATE when no shim answers there */
  static async open(path: string): Promise<ShimConnection> {
    const socket = connect({ path });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
    } catch (error) {
      // ECONNRESET: the shim ended while the connection waited to be accepted.
      if (!["ENOENT", "ECONNREFUSED", "ECONNRESET"].includes(errnoOf(error) ?? "")) throw error;
      throw new BerthError("CONTAINER_STATE", "the container is not running", { cause: error });
    }
    socket.removeAllListeners("error");
    return new ShimConnection(socket);
  }

  /** Takes over a connected descriptor (LaunchedContainer.attachFd). */
  static adopt(descriptor: number): ShimConnection {
    return new ShimConnection(new Socket({ fd: descriptor, readable: true, writable: true }));
  }

  /** @returns false when the shim is behind: wait for drained() before sending more */
  send(frame: Buffer): boolean {
    return this.socket.destroyed || this.socket.write(frame);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed || !this.socket.writableNeedDrain) {
        resolve();
        return;
      }
      const done = (): void => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.once("drain", done).once("close", done);
    });
  }

  /** Until the shim closes the connection. Reads no faster than it is consumed. */
  async *messages(): AsyncGenerator<ShimMessage> {
    const decoder = new ShimMessageDecoder();
    try {
      for await (const chunk of this.socket as AsyncIterable<Buffer>) yield* decoder.push(chunk);
    } catch (error) {
      if (!["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(errnoOf(error) ?? "")) throw error;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
