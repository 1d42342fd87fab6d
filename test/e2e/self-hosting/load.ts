import { createHash, randomBytes } from "node:crypto";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

/** What it has done, as JSON on standard output when its standard input has ended. */
export interface LoadReport {
  readonly pushed: number;
  readonly pulled: number;
  /** Requests that went wrong and went well when they were sent again. */
  readonly retried: number;
  /** What no retry has helped with. */
  readonly failures: readonly string[];
}

/** A replica that has gone is noticed at once, and is back within a second or two; more on a slow machine. */
const ATTEMPTS = 60;
const PAUSE_MS = 150;
const LONGEST_PAUSE_MS = 1000;
const BLOB_BYTES = 60_000;
const CONFIG = "application/vnd.oci.image.config.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** Pushes images of one blob and pulls them back, and sends again what failed for the server's sake, as clients do. */
class LoadingClient {
  pushed = 0;
  pulled = 0;
  retried = 0;
  readonly failures: string[] = [];

  constructor(
    private readonly url: string,
    private readonly authorization: string,
  ) {}

  async round(repository: string, tag: string): Promise<void> {
    try {
      const bytes = randomBytes(BLOB_BYTES);
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      await this.#again(async () => {
        const begun = await this.#send([202], "POST", `/v2/${repository}/blobs/uploads/`);
        const place = begun.headers.get("location") ?? "";
        await this.#send([201], "PUT", `${place}?digest=${digest}`, bytes);
      });
      const config = { mediaType: CONFIG, digest, size: bytes.length };
      const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] });
      const path = `/v2/${repository}/manifests/${tag}`;
      await this.#again(async () => await this.#send([201], "PUT", path, Buffer.from(manifest)));
      this.pushed++;
      await this.#again(async () => {
        const answer = await this.#send([200], "GET", path);
        if ((await answer.text()) !== manifest) throw new Error(`${path} is not what was pushed`);
      });
      await this.#again(async () => {
        const answer = await this.#send([200], "GET", `/v2/${repository}/blobs/${digest}`);
        if (!Buffer.from(await answer.arrayBuffer()).equals(bytes)) throw new Error(`${digest} is not what was pushed`);
      });
      this.pulled++;
    } catch (error) {
      this.failures.push(inspect(error));
    }
  }

  /** A lost connection and 5xx are worth another try, and so is an upload that went with its replica. */
  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isPassing = error instanceof TypeError || error instanceof PassingFault;
        if (!isPassing || attempt === ATTEMPTS) throw error;
        this.retried++;
        await sleep(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * attempt));
      }
    }
  }

  async #send(expected: readonly number[], method: string, path: string, body?: Buffer): Promise<Response> {
    const headers = { authorization: this.authorization, ...(body && { "content-type": MANIFEST }) };
    const init = { method, headers, ...(body && { body: new Uint8Array(body) }) };
    const answer = await fetch(new URL(path, this.url), init);
    if (expected.includes(answer.status)) return answer;
    const said = `${method} ${path}: ${String(answer.status)} ${(await answer.text()).slice(0, 200)}`;
    throw answer.status >= 500 || said.includes("BLOB_UPLOAD_UNKNOWN") ? new PassingFault(said) : new Error(said);
  }
}

class PassingFault extends Error {}

const [url = "", account = "", clients = "3"] = process.argv.slice(2);
const client = new LoadingClient(url, `Basic ${Buffer.from(account).toString("base64")}`);
const ending = new AbortController();
process.stdin.resume().once("end", () => {
  ending.abort();
});
await Promise.all(
  Array.from({ length: Number(clients) }, async (_, i) => {
    for (let round = 0; !ending.signal.aborted; round++) {
      await client.round(`team/load-${String(i)}`, `r${String(round)}`);
      if (round === 0) process.stderr.write("loading\n");
      await sleep(100);
    }
  }),
);
const { pushed, pulled, retried, failures } = client;
process.stdout.write(JSON.stringify({ pushed, pulled, retried, failures } satisfies LoadReport));
