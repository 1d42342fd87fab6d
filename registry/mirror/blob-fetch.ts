import { algorithmOf, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { RegistryClient } from "../../puller/client/index.js";
import { RunningDigest } from "../uploads/running-digest.js";
import type { BlobCopy } from "./blob-copy.js";
import type { FetchSlots } from "./fetch-slots.js";
import { GrowingBlob } from "./growing-blob.js";
import type { MirroredName } from "./mirror-names.js";
import { SpoolFile } from "./spool-file.js";
import type { Upstream } from "./upstream.js";

interface FetchParts {
  readonly name: MirroredName<Upstream>;
  readonly digest: Digest;
  readonly copy: BlobCopy;
  readonly slots: FetchSlots;
  readonly spoolDirectory: string;
}

/** The one transfer of a blob from its upstream. It goes on when all clients have gone away. */
export class BlobFetch {
  /** The blob, once the upstream has begun to send it. @throws BerthError see upstream-faults.ts */
  readonly begun: Promise<GrowingBlob>;
  /** Settles when it is kept (true), or has failed. Never rejects. */
  readonly ended: Promise<boolean>;

  constructor(private readonly parts: FetchParts) {
    let begin: (blob: GrowingBlob) => void = () => undefined;
    let fail: (error: unknown) => void = () => undefined;
    this.begun = new Promise((resolve, reject) => {
      begin = resolve;
      fail = reject;
    });
    // Perhaps nobody waits for it any more.
    this.begun.catch(() => undefined);
    this.ended = parts.slots.use(async () => {
      try {
        return await this.#run(begin);
      } catch (error) {
        // When `begun` has been settled this does nothing.
        fail(error);
        return false;
      }
    });
  }

  async #run(begin: (blob: GrowingBlob) => void): Promise<boolean> {
    const { name, digest, copy } = this.parts;
    let blob: GrowingBlob | undefined;
    try {
      await name.upstream.ask("blob", async (client, signal, begun) => {
        const growing = new GrowingBlob(await SpoolFile.open(this.parts.spoolDirectory));
        blob = growing;
        const isComing = (): void => {
          begun();
          begin(growing);
        };
        await this.#receive(client, growing, isComing, signal);
        await growing.complete();
      });
      return await copy.commit(name.stored, digest);
    } catch (error) {
      blob?.fail(error);
      throw error;
    } finally {
      await copy.drop();
      await blob?.letGo();
    }
  }

  async #receive(client: RegistryClient, blob: GrowingBlob, isComing: () => void, signal: AbortSignal): Promise<void> {
    const { name, digest, copy } = this.parts;
    const { maxBlobSize } = name.upstream.settings;
    const running = new RunningDigest(algorithmOf(digest));
    const assertSize = (size: number): void => {
      if (size <= maxBlobSize) return;
      throw new BerthError("TOO_LARGE", `${digest} is larger than the ${String(maxBlobSize)} bytes of maxBlobSize`);
    };
    const sink = {
      begin: (size: number | undefined): void => {
        assertSize(size ?? 0);
        blob.size = size;
        isComing();
      },
      write: async (chunk: Uint8Array): Promise<void> => {
        assertSize(blob.received + chunk.length);
        running.update(chunk);
        const [spooled, copied] = [blob.append(chunk), copy.append(chunk)];
        if (spooled !== undefined || copied !== undefined) await Promise.all([spooled, copied]);
      },
    };
    await client.downloadBlob(name.repository, { digest }, sink, signal);
    const received = running.finish();
    if (received === digest) return;
    throw new BerthError(
      "DIGEST_INVALID",
      `${name.upstream.host} sent other bytes than those of ${digest}: ${received}`,
    );
  }
}
