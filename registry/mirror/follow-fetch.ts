import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";

import { BerthError, isBerthError, type ErrorCode } from "../../oci/errors.js";

/** How the following of another process's fetch has ended. */
export type FollowEnd =
  /** All bytes have come. */
  | "whole"
  /** It does not fetch the blob any more, has died, or has shown no sign of life for too long. */
  | "gone"
  /** It cannot be asked from here. */
  | "unreachable";

export interface FollowedFetch {
  /** Of the socket. */
  readonly path: string;
  readonly claim: string;
  /** Bytes that are there already, and are passed over. */
  readonly from: number;
  /** Called once, before the first byte, with the blob's size if it is known. */
  readonly begin: (size: number | undefined) => Promise<void>;
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** For so long nothing may come. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export const SIZE_HEADER = "berth-size";
/** A header where the fetch has failed before its first byte, a trailer where after. */
export const FAILURE_TRAILER = "berth-failure";

/** Of the fetching process, and not of what it fetches. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set(["STORAGE", "NO_SPACE", "ABORTED"]);

/** @throws BerthError what the fetch has failed with; ABORTED; what `write` throws */
export async function followFetch(followed: FollowedFetch): Promise<FollowEnd> {
  const { path, claim, patienceMs, signal } = followed;
  const asking = httpRequest({ socketPath: path, path: `/${claim}`, agent: false, timeout: patienceMs, signal });
  let isThere = false;
  asking.on("socket", (socket) => socket.once("connect", () => (isThere = true)));
  asking.on("timeout", () => {
    isThere = true;
    asking.destroy(new Error("the process that fetches the blob shows no sign of life"));
  });
  try {
    const answering = once(asking, "response") as Promise<[IncomingMessage]>;
    asking.end();
    const [answer] = await answering;
    return await receive(answer, followed);
  } catch (error) {
    if (signal.aborted) throw new BerthError("ABORTED", "the registry is stopping", { cause: error });
    if (error instanceof Unwritten) throw error.cause;
    if (isBerthError(error)) throw error;
    return isThere ? "gone" : "unreachable";
  } finally {
    asking.destroy();
  }
}

async function receive(answer: IncomingMessage, { from, begin, write }: FollowedFetch): Promise<FollowEnd> {
  throwIfFailed(answer.headers[FAILURE_TRAILER]);
  if (answer.statusCode !== 200) return "gone";
  const size = answer.headers[SIZE_HEADER];
  await taken(begin(typeof size === "string" ? Number(size) : undefined));
  let skip = from;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    const fresh = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    await taken(write(fresh));
  }
  throwIfFailed(answer.trailers[FAILURE_TRAILER]);
  return answer.complete ? "whole" : "gone";
}

async function taken(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new Unwritten(error);
  }
}

/** As `throwIfFailed` reads it. */
export function writtenFailure(error: unknown): string {
  const failure = isBerthError(error)
    ? { code: error.code, message: error.message, details: error.details }
    : { code: "ABORTED", message: "" };
  return Buffer.from(JSON.stringify(failure)).toString("base64");
}

function throwIfFailed(written: string | string[] | undefined): void {
  if (typeof written !== "string") return;
  const { code, message, details } = JSON.parse(Buffer.from(written, "base64").toString()) as {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
  if (OWN_FAULTS.has(code)) throw new Error(`the fetching process: ${message}`);
  throw new BerthError(code, message, { details: details ?? {} });
}

/** Tells the taker's failure from the network's. */
class Unwritten extends Error {
  constructor(override readonly cause: unknown) {
    super("the bytes were not taken");
  }
}
