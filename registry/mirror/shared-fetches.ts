import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, lstat, mkdir, open, readdir, unlink, type FileHandle } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";

import type { Logger } from "pino";

import { errnoOf } from "../../oci/errors.js";
import { sendChunks } from "../http/send-body.js";
import { FAILURE_TRAILER, followFetch, SIZE_HEADER, writtenFailure, type FollowedFetch } from "./follow-fetch.js";
import type { GrowingBlob } from "./growing-blob.js";

const SOCKET_NAME = /^berth-fetches-[0-9a-f]{16}$/;

/**
 * Lets other processes of this host read blobs while this one fetches them, and this one theirs, over sockets in the directory of
 * the spool: whoever may open these may read the store as well. A socket breaks at once when its process dies.
 */
export class SharedFetches {
  readonly #offered = new Map<string, Promise<GrowingBlob | undefined>>();
  #directory: Promise<FileHandle> | undefined;
  #listening: Promise<{ readonly server: Server; readonly name: string } | undefined> | undefined;

  constructor(
    private readonly spoolDirectory: string,
    private readonly log: Logger,
  ) {}

  /** Name of this registry's socket; undefined where there can be none. The first call opens it. */
  async socket(): Promise<string | undefined> {
    this.#listening ??= this.#listen().catch((error: unknown) => {
      this.log.warn({ err: error }, "other processes of this host cannot read along what is fetched");
      return undefined;
    });
    return (await this.#listening)?.name;
  }

  /** @param begun undefined when the store has the blob */
  offer(claim: string, begun: Promise<GrowingBlob | undefined>): void {
    this.#offered.set(claim, begun);
  }

  withdraw(claim: string): void {
    this.#offered.delete(claim);
  }

  /** Reads along with another process. @throws BerthError what it has failed with; ABORTED; what the taker throws */
  async follow(socket: string, followed: Omit<FollowedFetch, "path">): ReturnType<typeof followFetch> {
    const path = SOCKET_NAME.test(socket) ? await this.#pathOf(socket).catch(() => undefined) : undefined;
    return path === undefined ? "unreachable" : await followFetch({ ...followed, path });
  }

  async close(): Promise<void> {
    const listening = await this.#listening;
    if (listening !== undefined) {
      const closed = once(listening.server, "close");
      listening.server.close();
      listening.server.closeAllConnections();
      await closed;
    }
    const directory = await this.#directory?.catch(() => undefined);
    await directory?.close();
  }

  async #listen(): Promise<{ server: Server; name: string }> {
    await this.#removeLeftovers();
    const name = `berth-fetches-${randomBytes(8).toString("hex")}`;
    const path = await this.#pathOf(name);
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.destroy();
        this.log.warn({ err: error }, "another process could not read along");
      });
    });
    // Not node:cluster's, whose primary would take the connections.
    server.listen({ path, exclusive: true });
    await once(server, "listening");
    await chmod(path, 0o600);
    server.unref();
    return { server, name };
  }

  /** Processes that were killed leave their sockets. */
  async #removeLeftovers(): Promise<void> {
    await mkdir(this.spoolDirectory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.spoolDirectory)) {
      if (!SOCKET_NAME.test(name) || !(await lstat(join(this.spoolDirectory, name)).catch(() => undefined))?.isSocket())
        continue;
      const path = await this.#pathOf(name);
      if (await isDeserted(path)) await unlink(path).catch(() => undefined);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const begun = this.#offered.get((request.url ?? "").slice(1));
    let blob: GrowingBlob | undefined;
    try {
      blob = await begun;
    } catch (error) {
      response.writeHead(502, { [FAILURE_TRAILER]: writtenFailure(error) }).end();
      return;
    }
    if (blob?.hold() !== true) {
      response.writeHead(404).end();
      return;
    }
    try {
      const { size } = blob;
      response.writeHead(200, { Trailer: FAILURE_TRAILER, ...(size !== undefined && { [SIZE_HEADER]: String(size) }) });
      response.flushHeaders();
      if (await sendChunks(response, blob.read(0))) response.end();
      else response.destroy();
    } catch (error) {
      response.addTrailers({ [FAILURE_TRAILER]: writtenFailure(error) });
      response.end();
    } finally {
      await blob.letGo();
    }
  }

  /** A socket's path may have 107 bytes, a spool's may be longer: this way it is short. */
  async #pathOf(name: string): Promise<string> {
    this.#directory ??= open(this.spoolDirectory, "r");
    return `/proc/self/fd/${String((await this.#directory).fd)}/${name}`;
  }
}

async function isDeserted(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return errnoOf(error) === "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
