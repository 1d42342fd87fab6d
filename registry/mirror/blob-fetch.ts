import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { BlobStore } from "../storage/blob-store.js";
import type { BlobCopy } from "./blob-copy.js";
import { BlobTransfer } from "./blob-transfer.js";
import { FetchClaim } from "./fetch-claim.js";
import type { FetchClaims, OthersClaim } from "./fetch-claims.js";
import type { FollowEnd } from "./follow-fetch.js";
import type { FetchSlots } from "./fetch-slots.js";
import { GrowingBlob } from "./growing-blob.js";
import type { MirroredName } from "./mirror-names.js";
import type { SharedFetches } from "./shared-fetches.js";
import { SpoolFile } from "./spool-file.js";
import type { Upstream } from "./upstream.js";

interface FetchParts {
  readonly name: MirroredName<Upstream>;
  readonly digest: Digest;
  readonly blobs: BlobStore;
  readonly copy: BlobCopy;
  readonly slots: FetchSlots;
  readonly spoolDirectory: string;
  readonly claims: FetchClaims;
  readonly shared: SharedFetches;
  readonly log: Logger;
  /** The registry is stopping. */
  readonly signal: AbortSignal;
}

/** How often the store is asked whether a process that cannot be read along with is done. */
const LOOK_EVERY_MS = 250;
/** Clients get nothing meanwhile, and proxies give up after a minute. */
const LONGEST_LOOK_MS = 45_000;
/** Beyond the time in which the other process itself sees that nothing comes any more. */
const PATIENCE_GRACE_MS = 5_000;

/**
 * The one transfer of a blob to this process: from its upstream, unless another process is fetching it; then from that one, or
 * from the store when it is done. When the other one dies this one goes on where it was. It goes on when all clients have gone away.
 */
export class BlobFetch {
  /** The blob, once its bytes begin to come; undefined when the store has it. @throws BerthError see upstream-faults.ts */
  readonly begun: Promise<GrowingBlob | undefined>;
  /** Settles when it is kept (true), or has failed. Never rejects. */
  readonly ended: Promise<boolean>;
  #transfer: BlobTransfer | undefined;
  #begin: (blob: GrowingBlob | undefined) => void = () => undefined;

  constructor(private readonly parts: FetchParts) {
    let fail: (error: unknown) => void = () => undefined;
    this.begun = new Promise((resolve, reject) => {
      this.#begin = resolve;
      fail = reject;
    });
    // Perhaps nobody waits for it any more.
    this.begun.catch(() => undefined);
    this.ended = parts.slots.use(async () => {
      try {
        return await this.#run();
      } catch (error) {
        // When `begun` has been settled this does nothing.
        fail(error);
        return false;
      }
    });
  }

  async #run(): Promise<boolean> {
    const { name, digest, copy, claims, shared } = this.parts;
    const id = randomUUID();
    // Whoever sees the claim may ask at once.
    shared.offer(id, this.begun);
    try {
      let givenUp: string | undefined;
      for (;;) {
        const claim = await claims.claim(name.stored, digest, id, givenUp);
        if (claim instanceof FetchClaim) return await this.#fetch(claim);
        if (await this.#follow(claim)) return true;
        givenUp = claim.record.claim;
      }
    } catch (error) {
      this.#transfer?.blob.fail(error);
      throw error;
    } finally {
      shared.withdraw(id);
      await copy.drop();
      await this.#transfer?.blob.letGo();
    }
  }

  async #fetch(claim: FetchClaim): Promise<boolean> {
    const { name, digest, log } = this.parts;
    try {
      // Whoever had the claim before may have been done by the time this process got it.
      return (await this.#fromStore()) || (await this.#fromUpstream());
    } finally {
      await claim.release().catch((error: unknown) => {
        log.warn({ err: error, repository: name.stored, digest }, "a claim on a fetch stays until it is swept");
      });
    }
  }

  async #fromUpstream(): Promise<boolean> {
    const { name, digest, copy } = this.parts;
    await this.#transfer?.copyTo(copy);
    await name.upstream.ask("blob", async (client, signal, begun) => {
      const transfer = this.#transfer ?? (await this.#open());
      if (transfer.received === 0) await transfer.copyTo(copy);
      const sink = {
        begin: (size: number | undefined): void => {
          transfer.begin(size);
          begun();
          this.#begin(transfer.blob);
        },
        write: async (chunk: Uint8Array): Promise<void> => {
          name.upstream.counts.received.blob += chunk.length;
          await transfer.write(chunk);
        },
      };
      await client.downloadBlob(name.repository, { digest }, sink, signal, transfer.received);
      await transfer.finish(name.upstream.host);
    });
    return await copy.commit(name.stored, digest);
  }

  /** @returns false when the store has not got the blob */
  async #fromStore(): Promise<boolean> {
    const { name, digest, blobs } = this.parts;
    const transfer = this.#transfer;
    const start = transfer?.received ?? 0;
    try {
      if (transfer === undefined) {
        await blobs.stat(name.stored, digest);
        this.#begin(undefined);
        return true;
      }
      // Clients have got the beginning.
      const body = await blobs.open(name.stored, digest, (size) => ({ start, length: size - start }));
      for await (const chunk of body.chunks) await transfer.write(Uint8Array.from(chunk));
    } catch (error) {
      if (isBerthError(error, "BLOB_UNKNOWN", "STORAGE", "UNAVAILABLE")) return false;
      throw error;
    }
    await transfer.finish("the store");
    return true;
  }

  /** @returns false when this process should see to it itself */
  async #follow({ record }: OthersClaim): Promise<boolean> {
    const end = record.socket === undefined ? "unreachable" : await this.#readAlong(record.socket, record.claim);
    if (end === "whole") return true;
    if (end === "unreachable") await this.#waitFor(record.claim);
    return false;
  }

  async #readAlong(socket: string, claim: string): Promise<FollowEnd> {
    const { name, shared, signal } = this.parts;
    const { answerSeconds, idleSeconds } = name.upstream.settings.timeouts;
    let transfer = this.#transfer;
    const following = shared.follow(socket, {
      claim,
      from: transfer?.received ?? 0,
      begin: async (size) => {
        transfer ??= await this.#open();
        transfer.begin(size);
        this.#begin(transfer.blob);
      },
      write: async (chunk) => await transfer?.write(chunk),
      patienceMs: Math.max(answerSeconds, idleSeconds) * 1000 + PATIENCE_GRACE_MS,
      signal,
    });
    const end = await following.catch((error: unknown) => {
      name.upstream.heard(error);
      throw error;
    });
    if (end === "whole") await transfer?.finish("another process of this host");
    return end;
  }

  /** Resolves when that claim has ended, was abandoned, or has been there for too long. */
  async #waitFor(claim: string): Promise<void> {
    const { name, digest, claims, signal } = this.parts;
    const { answerSeconds } = name.upstream.settings.timeouts;
    const until = performance.now() + Math.max(LONGEST_LOOK_MS, answerSeconds * 1000);
    while (performance.now() < until) {
      const other = await claims.look(name.stored, digest);
      if (other === undefined || other.isAbandoned || other.record.claim !== claim) return;
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch((cause: unknown) => {
        throw new BerthError("ABORTED", "the registry is stopping", { cause });
      });
    }
  }

  async #open(): Promise<BlobTransfer> {
    const { digest, spoolDirectory, name } = this.parts;
    const limits = { digest, maxSize: name.upstream.settings.maxBlobSize };
    this.#transfer = new BlobTransfer(new GrowingBlob(await SpoolFile.open(spoolDirectory)), limits);
    return this.#transfer;
  }
}
