import type { Worker } from "node:cluster";

/** What node:cluster sends with a connection that a worker is to take; it answers with `ack`, the same number. */
interface HandOff {
  readonly act: "newconn";
  readonly seq: number;
}

interface Connection {
  close(): void;
}

/**
 * node:cluster (20) keeps a connection for ever that was on its way to a worker when the worker died: its client would wait
 * without end. So what is handed over is watched, and closed with the worker that did not take it.
 */
export function closeLostConnections({ process: child }: Worker): void {
  const underway = new Map<number, Connection>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  const watchedSend = (...args: unknown[]): boolean => {
    const [message, handle] = args;
    if (isHandOff(message) && isConnection(handle)) underway.set(message.seq, handle);
    return send(...args);
  };
  Object.assign(child, { send: watchedSend });
  child.on("internalMessage", (message: { readonly ack?: number }) => {
    if (message.ack !== undefined) underway.delete(message.ack);
  });
  child.once("exit", () => {
    for (const connection of underway.values()) connection.close();
    underway.clear();
  });
}

function isHandOff(message: unknown): message is HandOff {
  return (
    typeof message === "object" && message !== null && "act" in message && message.act === "newconn" && "seq" in message
  );
}

function isConnection(handle: unknown): handle is Connection {
  return typeof handle === "object" && handle !== null && "close" in handle && typeof handle.close === "function";
}
