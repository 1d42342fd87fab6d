import { createServer, connect, type Server, type Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";

/**
 * Listens and passes connections on. A machine with loopback alone reaches a server of its host by two of these, one on each
 * side of a socket in a shared directory.
 * @param from a path, or `host:port`
 * @param to likewise
 */
export async function bridge(from: string, to: string): Promise<Server> {
  const server = createServer((near) => {
    const far = dial(to);
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    near.on("error", end).on("close", end);
    far.on("error", end).on("close", end);
    near.pipe(far).pipe(near);
  });
  const [host, port] = from.split(":");
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (port === undefined) server.listen(from, resolve);
    else server.listen(Number(port), host, resolve);
  });
  return server;
}

function dial(to: string): Socket {
  const [host = "", port] = to.split(":");
  return port === undefined ? connect(to) : connect(Number(port), host);
}

const [, program, from, to] = process.argv;
if (program === fileURLToPath(import.meta.url) && from !== undefined && to !== undefined) {
  await bridge(from, to);
  process.stdout.write("listening\n");
}
