import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { digestOf, type Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";

interface Blob {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export interface PushedImage {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Blob;
  readonly blobs: readonly Blob[];
}

const REPOSITORIES = ["team/one", "team/two"];
/** Against hanging alone: a replica takes a second to come back, and a machine may be slow. */
const PATIENCE_MS = 300_000;
const PAUSE_MS = 100;
const MARGIN_MS = 5000;

/** Clients that push, pull and delete images of shared layers through whichever replica answers, and remember what was acknowledged. */
export class ContendingClients {
  /** Pushed and acknowledged; nobody has asked to delete it. */
  readonly kept = new Set<PushedImage>();
  /** The delete was acknowledged. */
  readonly deleted = new Set<PushedImage>();
  pulls = 0;
  #isRunning = true;
  #next = 0;

  constructor(
    private readonly urls: readonly string[],
    private readonly layers: readonly Blob[],
  ) {}

  static layers(count: number): readonly Blob[] {
    return Array.from({ length: count }, () => blobOf(randomBytes(randomInt(1000, 200_000))));
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Pushes until `stop`; of three images it deletes one that is there. */
  async pushAndDelete(): Promise<void> {
    while (this.#isRunning) {
      this.kept.add(await this.push());
      if (randomInt(3) === 0) await this.deleteOne();
    }
  }

  /** Pulls images until `stop`, and reads all of their bytes. */
  async pull(): Promise<void> {
    while (this.#isRunning) {
      const image = chosen([...this.kept]);
      if (image !== undefined) {
        await this.assertWhole(image, this.#someUrl()).catch((error: unknown) => {
          // Unless it is being deleted by now.
          if (this.kept.has(image)) throw error;
        });
        this.pulls++;
      }
      await sleep(randomInt(20));
    }
  }

  /** Again and again until it is acknowledged, as a user would. */
  async push(): Promise<PushedImage> {
    const number = this.#next++;
    const repository = REPOSITORIES[number % REPOSITORIES.length] ?? "";
    const layers = this.layers.filter(() => randomInt(3) === 0);
    const config = blobOf(Buffer.from(JSON.stringify({ made: randomBytes(8).toString("hex") })));
    const describe = (mediaType: string, { digest, bytes }: Blob): object => ({
      mediaType,
      digest,
      size: bytes.length,
    });
    const manifest = blobOf(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MediaType.ociManifest,
          config: describe(MediaType.ociConfig, config),
          layers: layers.map((layer) => describe(MediaType.ociLayerGzip, layer)),
        }),
      ),
    );
    const image = { repository, tag: `t${String(number)}`, manifest, blobs: [config, ...layers] };
    await this.#again(async (url) => {
      for (const blob of image.blobs) await pushBlob(url, repository, blob);
      const put = await fetch(`${url}/v2/${repository}/manifests/${image.tag}`, {
        method: "PUT",
        headers: { "content-type": MediaType.ociManifest },
        body: new Uint8Array(manifest.bytes),
      });
      await settle(put, 201);
    });
    return image;
  }

  async deleteOne(): Promise<void> {
    const image = chosen([...this.kept]);
    if (image === undefined || !this.kept.delete(image)) return;
    await this.#again(async (url) => {
      const path = `${url}/v2/${image.repository}/manifests/${image.manifest.digest}`;
      // 404: an earlier attempt did it, and its replica was killed before it could say so.
      await settle(await fetch(path, { method: "DELETE" }), 202, 404);
    });
    this.deleted.add(image);
  }

  /** @throws AssertionError unless the image and every byte of it is there */
  async assertWhole(image: PushedImage, url?: string): Promise<void> {
    const { repository, tag, manifest, blobs } = image;
    const parts = [
      ...blobs.map((blob) => ["blobs", blob.digest, blob] as const),
      ["manifests", tag, manifest] as const,
    ];
    for (const [kind, reference, { bytes }] of parts) {
      await this.#again(async (other) => {
        const answer = await fetch(`${url ?? other}/v2/${repository}/${kind}/${reference}`);
        const body = await settle(answer, 200);
        assert.ok(body.equals(bytes), `${repository} ${reference} is not what was pushed`);
      }, url);
    }
  }

  /**
   * The tag is gone at once, everywhere. What a replica has read it may serve by digest for a while.
   * @param staleForMs see StoreTraits
   */
  async assertGone({ repository, tag, manifest }: PushedImage, url: string, staleForMs: number): Promise<void> {
    await settle(await fetch(`${url}/v2/${repository}/manifests/${tag}`), 404);
    const byDigest = async (): Promise<Response> => await fetch(`${url}/v2/${repository}/manifests/${manifest.digest}`);
    const end = performance.now() + staleForMs + MARGIN_MS;
    let answer = await byDigest();
    while (answer.status === 200 && performance.now() < end) {
      await answer.arrayBuffer();
      await sleep(PAUSE_MS);
      answer = await byDigest();
    }
    await settle(answer, 404);
  }

  #someUrl(): string {
    return chosen(this.urls) ?? "";
  }

  /** A replica that is killed or not there is no fault, and neither is a blob that a collector took before it was named. */
  async #again(work: (url: string) => Promise<void>, first = this.#someUrl()): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let url = first; ; url = this.#someUrl()) {
      try {
        await work(url);
        return;
      } catch (error) {
        const isPassing = error instanceof TypeError || error instanceof PassingFault;
        if (!isPassing || performance.now() > end) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }
}

class PassingFault extends Error {}

/** As clients do: what is there is not sent. */
async function pushBlob(url: string, repository: string, { digest, bytes }: Blob): Promise<void> {
  const head = await fetch(`${url}/v2/${repository}/blobs/${digest}`, { method: "HEAD" });
  if (head.status === 200) return;
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  await settle(begun, 202);
  const place = new URL(begun.headers.get("location") ?? "", url);
  const half = Math.ceil(bytes.length / 2);
  await settle(await fetch(place, { method: "PATCH", body: new Uint8Array(bytes.subarray(0, half)) }), 202);
  place.searchParams.set("digest", digest);
  await settle(await fetch(place, { method: "PUT", body: new Uint8Array(bytes.subarray(half)) }), 201);
}

async function settle(answer: Response, ...expected: readonly number[]): Promise<Buffer> {
  const body = Buffer.from(await answer.arrayBuffer());
  if (expected.includes(answer.status)) return body;
  const said = `${answer.url}: ${String(answer.status)} ${body.subarray(0, 300).toString()}`;
  throw answer.status >= 500 || PASSING.test(said) ? new PassingFault(said) : new Error(said);
}

const PASSING = /"(BLOB_UPLOAD_UNKNOWN|BLOB_UPLOAD_INVALID|MANIFEST_BLOB_UNKNOWN|RANGE_INVALID)"/;

function blobOf(bytes: Buffer): Blob {
  return { bytes, digest: digestOf(bytes) };
}

function chosen<T>(all: readonly T[]): T | undefined {
  return all.length === 0 ? undefined : all[randomInt(all.length)];
}
