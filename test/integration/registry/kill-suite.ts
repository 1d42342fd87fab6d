import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import type { ScrubFinding } from "../../../registry/scrub/findings.js";
import { scrub } from "../../../registry/scrub/scrub.js";
import type { ObjectStore } from "../../../storage/object-store.js";
import { contentOf, descriptorOf, documentOf, randomContent, type Content } from "./support/content.js";

const CLIENTS = 4;
const MAX_BLOB = 150_000;
const MAX_PAUSE_MS = 50;

/** A registry's process on the store of this test. */
export interface ServingProcess {
  readonly url: string;
  kill(): Promise<void>;
}

/** What was answered 201. */
interface Acknowledged {
  readonly blobs: Content[];
  readonly tags: Map<string, Digest>;
}

/**
 * Clients push without a pause while the process that serves them is killed (`kill -9`) again and again, each time when another
 * one on the same store is ready to take over. Then everything that was acknowledged is there, and all that is there is whole.
 */
export async function killAgainAndAgain(
  start: () => Promise<ServingProcess>,
  rounds: number,
  openStore: () => Promise<ObjectStore>,
): Promise<void> {
  const acknowledged: Acknowledged = { blobs: [], tags: new Map() };
  let serving = await start();
  const running = new AbortController();
  const clients = Array.from({ length: CLIENTS }, async (_, i) => {
    const client = new PushingClient(`client-${String(i)}`, acknowledged, () => serving.url);
    while (!running.signal.aborted) {
      await client.push();
      // The processes that start and die need the processor more than their clients do.
      await sleep(randomInt(MAX_PAUSE_MS));
    }
  });
  const pushing = Promise.all(clients);
  pushing.catch(() => undefined);
  try {
    for (let round = 0; round < rounds; round++) {
      const [killed, before] = [serving, acknowledged.tags.size];
      serving = await start();
      // However slow its clients are, something comes through in each round.
      while (acknowledged.tags.size === before) await Promise.race([sleep(5), pushing]);
      await killed.kill();
    }
  } finally {
    running.abort();
    await pushing;
  }
  try {
    await checkAll(serving.url, acknowledged);
  } finally {
    await serving.kill();
  }
  assert.ok(acknowledged.tags.size >= rounds, `only ${String(acknowledged.tags.size)} images came through`);
  const store = await openStore();
  const findings: ScrubFinding[] = [];
  await scrub(store, { onFinding: (finding) => findings.push(finding), dryRun: true });
  await store.close();
  assert.deepEqual(findings, []);
}

async function checkAll(url: string, { blobs, tags }: Acknowledged): Promise<void> {
  for (const { digest, bytes } of blobs) {
    const answer = await fetch(`${url}/v2/killed/blobs/${digest}`);
    assert.equal(answer.status, 200, digest);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), digest);
  }
  for (const [tag, digest] of tags) {
    const answer = await fetch(`${url}/v2/killed/manifests/${tag}`);
    assert.equal(answer.status, 200, tag);
    assert.equal(contentOf(Buffer.from(await answer.arrayBuffer())).digest, digest);
  }
}

class PushingClient {
  #images = 0;

  constructor(
    private readonly name: string,
    private readonly acknowledged: Acknowledged,
    private readonly url: () => string,
  ) {}

  /** An image of one blob; given up when the server dies in the middle of it. */
  async push(): Promise<void> {
    const blob = { mediaType: MediaType.ociConfig, ...randomContent(randomInt(1, MAX_BLOB)) };
    try {
      const pushed = randomInt(2) === 0 ? await this.#inOne(blob) : await this.#inChunks(blob);
      if (!pushed) return;
      this.acknowledged.blobs.push(blob);
      const manifest = documentOf(MediaType.ociManifest, { config: descriptorOf(blob), layers: [] });
      const tag = `${this.name}-${String(this.#images++)}`;
      const { status } = await this.#send("PUT", `/v2/killed/manifests/${tag}`, manifest.bytes, manifest.mediaType);
      assert.equal(status, 201);
      this.acknowledged.tags.set(tag, manifest.digest);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // fetch says so of a connection that was cut or refused.
      await sleep(5);
    }
  }

  async #inOne({ digest, bytes }: Content): Promise<boolean> {
    const { status } = await this.#send("POST", `/v2/killed/blobs/uploads/?digest=${digest}`, bytes);
    assert.equal(status, 201);
    return true;
  }

  /** Goes on with the next process where the last one was killed. */
  async #inChunks({ digest, bytes }: Content): Promise<boolean> {
    const begun = await this.#send("POST", "/v2/killed/blobs/uploads/");
    const place = begun.headers.get("Location") ?? assert.fail("no Location");
    const half = Math.ceil(bytes.length / 2);
    for (let sent = 0; sent < bytes.length;) {
      const chunk = bytes.subarray(sent, sent + half);
      try {
        const { status } = await this.#send("PATCH", place, chunk, undefined, sent);
        // 416: the process that was killed had taken it, or another request still seems to be at it.
        assert.ok(status === 202 || status === 416, String(status));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
      const now = await this.#send("GET", place);
      // A session is not synced: it may be lost with its process only when that was killed before it answered.
      if (now.status === 404) return false;
      assert.equal(now.status, 204);
      const received = Number(now.headers.get("Range")?.slice(2)) + 1;
      sent = received > 1 || bytes.length === 1 ? received : sent;
      if (received < sent) return false;
    }
    const { status } = await this.#send("PUT", `${place}?digest=${digest}`);
    // 404: the process that was killed had committed it, but could not say so.
    if (status === 404) return false;
    if (status === 416) return false;
    assert.equal(status, 201);
    return true;
  }

  async #send(method: string, path: string, bytes?: Buffer, type?: string, at?: number): Promise<Response> {
    const answer = await fetch(new URL(path, this.url()), {
      method,
      ...(bytes && { body: new Uint8Array(bytes) }),
      headers: {
        ...(type !== undefined && { "Content-Type": type }),
        ...(at !== undefined && bytes && { "Content-Range": `${String(at)}-${String(at + bytes.length - 1)}` }),
      },
    });
    if (method !== "GET") await answer.arrayBuffer();
    return answer;
  }
}
