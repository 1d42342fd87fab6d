import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { RegistryClient } from "../../puller/client/index.js";
import { receiveManifest } from "../storage/manifest-record.js";
import type { ManifestStore } from "../storage/manifest-store.js";
import type { TagStore } from "../storage/tag-store.js";
import { Absences } from "./absences.js";
import type { MirroredName } from "./mirror-names.js";
import { SingleFlight } from "./single-flight.js";
import { TagConfirmations, type ConfirmedTag } from "./tag-confirmations.js";
import { isNotThere, isPassing } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

export interface MirroredTag {
  readonly digest: Digest;
  /** The upstream could not be asked whether the tag still stands for this. */
  readonly isStale: boolean;
  /** It was a copy before it was asked for. */
  readonly wasHere: boolean;
}

/**
 * Copies of upstreams' manifests. What they name need not be here: children and blobs come when somebody asks for them.
 */
export class ManifestMirror {
  readonly #confirmations: TagConfirmations;
  readonly #absences = new Absences();
  readonly #flights = new SingleFlight<Digest>();

  constructor(
    private readonly manifests: ManifestStore,
    tags: TagStore,
    private readonly log: Logger,
  ) {
    this.#confirmations = new TagConfirmations(tags);
  }

  /** Afterwards the store has the manifest. @returns whether it had it before. @throws BerthError see upstream-faults.ts */
  async ensureDigest(name: MirroredName<Upstream>, digest: Digest): Promise<boolean> {
    const { stored, repository, upstream } = name;
    if (await this.manifests.has(stored, digest)) return true;
    await this.#fly(name, `${stored}@${digest}`, async () => {
      return await upstream.ask("manifest", async (client, signal) => {
        return await this.#fetch(client, { stored, repository, reference: digest, upstream }, signal);
      });
    });
    return false;
  }

  /** Afterwards the store has the tag and its manifest. @throws BerthError see upstream-faults.ts */
  async ensureTag(name: MirroredName<Upstream>, tag: string): Promise<MirroredTag> {
    const { tagFreshSeconds, maxStaleHours, timeouts } = name.upstream.settings;
    const found = await this.#confirmations.find(name.stored, tag);
    const known = found !== undefined && (await this.manifests.has(name.stored, found.digest)) ? found : undefined;
    const age = known === undefined ? Infinity : Date.now() - known.at;
    // Below 0 when the clock was ahead then: how long ago that was is not known.
    if (known !== undefined && age >= 0 && age < tagFreshSeconds * 1000)
      return { digest: known.digest, isStale: false, wasHere: true };
    const renewal = this.#renew(name, tag, known);
    if (known === undefined || age > maxStaleHours * 3600_000) {
      const digest = await renewal;
      return { digest, isStale: false, wasHere: digest === known?.digest };
    }
    try {
      const digest = await within(timeouts.confirmSeconds * 1000, renewal, name.upstream.host);
      return { digest, isStale: false, wasHere: digest === known.digest };
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.log.warn({ repository: name.local, tag, digest: known.digest, ageMs: age }, `stale: ${error.message}`);
      return { digest: known.digest, isStale: true, wasHere: true };
    }
  }

  /** HEAD first where there is something to compare with: Docker Hub counts GETs. */
  async #renew(name: MirroredName<Upstream>, tag: string, known: ConfirmedTag | undefined): Promise<Digest> {
    const { stored, repository, upstream } = name;
    const key = `${stored}:${tag}`;
    return await this.#fly(
      name,
      key,
      async () => {
        const digest = await upstream.ask("manifest", async (client, signal) => {
          const told = known && (await client.headManifest(repository, tag, signal));
          if (told !== undefined && (await this.manifests.has(stored, told))) return told;
          return await this.#fetch(client, { stored, repository, reference: told ?? tag, upstream }, signal);
        });
        await this.#confirmations.confirm(stored, tag, digest);
        return digest;
      },
      async () => {
        await this.#confirmations.forget(stored, tag);
      },
    );
  }

  async #fly(
    { upstream }: MirroredName<Upstream>,
    key: string,
    work: () => Promise<Digest>,
    onAbsence: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Digest> {
    this.#absences.assertNotNoted(key);
    return await this.#flights.run(key, async () => {
      try {
        return await work();
      } catch (error) {
        if (isNotThere(error)) {
          this.#absences.note(key, error, upstream.settings.negativeSeconds * 1000);
          await onAbsence();
        }
        throw error;
      }
    });
  }

  /** Fetches, verifies and stores. */
  async #fetch(
    client: RegistryClient,
    what: {
      readonly stored: string;
      readonly repository: string;
      readonly reference: string;
      readonly upstream: Upstream;
    },
    signal: AbortSignal,
  ): Promise<Digest> {
    const { bytes, mediaType, digest } = await client.getManifest(what.repository, what.reference, signal);
    what.upstream.counts.received.manifest += bytes.length;
    const received = receiveManifest(Buffer.from(bytes), mediaType === "" ? undefined : mediaType, digest);
    await this.manifests.put(what.stored, received, { sparse: true });
    return digest;
  }
}

/** The outcome, unless it takes too long; then the work goes on for those who come later. @throws BerthError TIMEOUT */
async function within<T>(patienceMs: number, work: Promise<T>, host: string): Promise<T> {
  const over = new AbortController();
  const tooLong = sleep(patienceMs, undefined, { signal: over.signal, ref: false }).then(() => {
    throw new BerthError("TIMEOUT", `${host} does not answer in time`);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    over.abort();
    tooLong.catch(() => undefined);
    // Whoever asks next hears of it.
    work.catch(() => undefined);
  }
}
