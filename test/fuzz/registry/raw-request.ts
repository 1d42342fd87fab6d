import { connect } from "node:net";

/**
 * Sends exactly these bytes, ends the sending side, and resolves to all that came back when the server has closed the
 * connection. @throws Error when it does not
 */
export async function sendRaw(url: string, bytes: Buffer | string, timeoutMs = 200_000): Promise<string> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const late = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`no end after ${String(timeoutMs)} ms of ${JSON.stringify(bytes.toString("latin1").slice(0, 500))}`),
      );
    }, timeoutMs);
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    // The server closes a connection on which it was sent nonsense, perhaps before it has all of it.
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(late);
      resolve(Buffer.concat(received).toString("latin1"));
    });
    socket.end(bytes);
  });
}

/** Of all answers in what came back. */
export function statusesOf(answers: string): number[] {
  return [...answers.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}
