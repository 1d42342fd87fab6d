import assert from "node:assert/strict";
import { once } from "node:events";
import { lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { BerthError } from "../../../../oci/errors.js";
import { GrowingBlob } from "../../../../registry/mirror/growing-blob.js";
import { SharedFetches } from "../../../../registry/mirror/shared-fetches.js";
import { SpoolFile } from "../../../../registry/mirror/spool-file.js";
import { waitUntil } from "../../../helpers/wait-until.js";

const LOG = pino({ level: "silent" });
const LONG_MS = 3600_000;

/** As the fetch's own promise, of which it does not matter whether anybody waits for it. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

describe("fetches that other processes read along", () => {
  let directory: string;
  let fetching: SharedFetches;
  let reading: SharedFetches;
  let socket: string;
  let blob: GrowingBlob;

  beforeEach(async () => {
    directory = join(
      mkdtempSync(join(tmpdir(), "berth-shared-")),
      "a-name-so-long-that-no-socket-could-have-it".repeat(3),
    );
    fetching = new SharedFetches(directory, LOG);
    reading = new SharedFetches(directory, LOG);
    socket = (await fetching.socket()) ?? assert.fail();
    blob = new GrowingBlob(await SpoolFile.open(directory));
  });

  afterEach(async () => {
    await blob.letGo();
    await Promise.all([fetching.close(), reading.close()]);
    assert.deepEqual(readdirSync(directory), []);
    rmSync(join(directory, ".."), { recursive: true });
  });

  const failed = async (failure: BerthError): Promise<undefined> => {
    await Promise.resolve();
    throw failure;
  };

  const follow = (claim: string, options: { from?: number; patienceMs?: number; signal?: AbortSignal } = {}) => {
    const got = { text: "", size: undefined as number | undefined };
    const end = reading.follow(socket, {
      claim,
      from: 0,
      begin: async (size) => {
        got.size = size;
        await Promise.resolve();
      },
      write: async (chunk) => {
        got.text += Buffer.from(chunk).toString();
        await Promise.resolve();
      },
      patienceMs: LONG_MS,
      signal: new AbortController().signal,
      ...options,
    });
    return { got, end };
  };

  it("come as they grow, but for the last byte, and end when they are whole", async () => {
    blob.size = 6;
    fetching.offer("c", Promise.resolve(blob));
    const { got, end } = follow("c");
    await blob.append(Buffer.from("abc"));
    await waitUntil("the first bytes", () => got.text === "abc");
    assert.equal(got.size, 6);
    await blob.append(Buffer.from("def"));
    await waitUntil("all but the last", () => got.text === "abcde");
    await blob.complete();
    assert.equal(await end, "whole");
    assert.equal(got.text, "abcdef");
  });

  it("can be gone on with from where one is", async () => {
    fetching.offer("c", Promise.resolve(blob));
    await blob.append(Buffer.from("abcdef"));
    await blob.complete();
    const { got, end } = follow("c", { from: 4 });
    assert.equal(await end, "whole");
    assert.equal(got.text, "ef");
  });

  it("fail for those who read along as they have failed, before the first byte and after", async () => {
    const unknown = new BerthError("BLOB_UNKNOWN", "no such blob", { details: { a: 1 } });
    fetching.offer("early", quietly(failed(unknown)));
    await assert.rejects(follow("early").end, { code: "BLOB_UNKNOWN", message: "no such blob", details: { a: 1 } });
    fetching.offer("late", Promise.resolve(blob));
    const { got, end } = follow("late");
    await blob.append(Buffer.from("abc"));
    await waitUntil("a beginning", () => got.text === "ab");
    blob.fail(new BerthError("UPSTREAM", "it was cut off"));
    await assert.rejects(end, { code: "UPSTREAM", message: "it was cut off" });
  });

  it("are gone when what failed was the fetching process, or the store has them, or nobody has heard of them", async () => {
    fetching.offer("full", quietly(failed(new BerthError("NO_SPACE", "full"))));
    fetching.offer("kept", Promise.resolve(undefined));
    for (const claim of ["full", "kept", "unheard-of"]) assert.equal(await follow(claim).end, "gone");
  });

  it("are gone when the other process closes, and when nothing comes for too long", async () => {
    fetching.offer("c", Promise.resolve(blob));
    assert.equal(await follow("c", { patienceMs: 1 }).end, "gone");
    const { got, end } = follow("c");
    await blob.append(Buffer.from("abc"));
    await waitUntil("a beginning", () => got.text === "ab");
    await fetching.close();
    assert.equal(await end, "gone");
    assert.equal(await follow("c").end, "unreachable");
  });

  it("cannot be asked for by another name than a socket's", async () => {
    for (const name of ["../../etc/passwd", "nothing", "berth-fetches-0123456789abcdef"]) {
      socket = name;
      assert.equal(await follow("c").end, "unreachable");
    }
  });

  it("end for a reader that stops", async () => {
    fetching.offer("c", Promise.resolve(blob));
    const stopping = new AbortController();
    const { end } = follow("c", { signal: stopping.signal });
    stopping.abort();
    await assert.rejects(end, { code: "ABORTED" });
  });

  it("are for this user alone, and sockets that nobody listens on are removed", async () => {
    assert.equal(lstatSync(join(directory, socket)).mode & 0o777, 0o600);
    const short = join(directory, "..", "deserted");
    const server = createServer().listen(short);
    await once(server, "listening");
    renameSync(short, join(directory, "berth-fetches-00000000deadbeef"));
    server.close();
    await once(server, "close");
    assert.equal(readdirSync(directory).length, 2);
    await reading.socket();
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes("deadbeef") || name === socket),
      [socket],
    );
  });
});
