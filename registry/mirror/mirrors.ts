import { join } from "node:path";

import type { Logger } from "pino";

import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { MirrorSettings } from "../config/mirrors-section.js";
import { namespacedName, parseNamespacedName, setNamespacedName } from "../http/namespaced-name.js";
import { queryOf, repositoryOf } from "../http/path-parameters.js";
import type { Handler, RegistryRequest } from "../http/request.js";
import type { Guard, Operation } from "../http/routes.js";
import type { Registry } from "../registry.js";
import { BlobMirror } from "./blob-mirror.js";
import { Evictor } from "./evictor.js";
import { ListingMirror } from "./listing-mirror.js";
import { ManifestMirror } from "./manifest-mirror.js";
import type { MirrorCounts } from "./mirror-counts.js";
import { MirrorNames, type MirroredName } from "./mirror-names.js";
import { mirroredAnswers, readOnly } from "./mirrored-answers.js";
import { PullLedger } from "./pull-ledger.js";
import { Repetition } from "./repetition.js";
import { SharedPause } from "./shared-pause.js";
import { retryAfterOf } from "./upstream-faults.js";
import { Upstream, type UpstreamAccess } from "./upstream.js";

export interface MirrorParts {
  readonly registry: Registry;
  readonly store: ObjectStore;
  readonly log: Logger;
  /** Of a store on this host: where blobs may lie while they are fetched. */
  readonly storeDirectory?: string | undefined;
  /** Of this registry, as the configuration says it. */
  readonly ownUrl?: string | undefined;
  /** Whether this process evicts. */
  readonly evicts: boolean;
  readonly counts: MirrorCounts;
}

const FLUSH_EVERY_MS = 60_000;
const SWEEP_EVERY_MS = 3600_000;
const DAY_MS = 24 * 3600_000;

/** The registry as a pull-through cache: a guard that finds which upstream's repository is meant, and answers from its copy. */
export class Mirrors {
  #upstreams: readonly Upstream[] = [];
  /** Of settings that have been replaced; perhaps somebody still asks them. */
  readonly #retired = new Set<Upstream>();
  #names: MirrorNames<Upstream>;
  readonly #answers: ReturnType<typeof mirroredAnswers>;
  readonly #blobs: BlobMirror;
  readonly #ledger: PullLedger;
  readonly #repetitions: readonly Repetition[];
  #evicting: Repetition | undefined;
  readonly #ownHosts: readonly string[];

  /** Of nothing yet: see `replace`. @param spool the setting */
  constructor(
    spool: string | undefined,
    private readonly parts: MirrorParts,
  ) {
    const { registry, store, log, storeDirectory, ownUrl } = parts;
    const { blobs, manifests, tags, referrers, events } = registry;
    this.#names = new MirrorNames([], []);
    this.#ownHosts = ownUrl === undefined ? [] : [new URL(ownUrl).host];
    const spoolDirectory = spool ?? spoolBeside(storeDirectory);
    this.#ledger = new PullLedger(store);
    this.#blobs = new BlobMirror({ store, blobs, spoolDirectory, log });
    const manifestMirror = new ManifestMirror(manifests, tags, log);
    this.#answers = mirroredAnswers({
      manifests: manifestMirror,
      blobs: this.#blobs,
      listings: new ListingMirror({ tags, manifests, referrers, mirror: manifestMirror }),
      ledger: this.#ledger,
      events,
    });
    this.#repetitions = [
      new Repetition(
        FLUSH_EVERY_MS,
        async () => {
          await this.#ledger.flush();
        },
        log,
      ),
      ...(parts.evicts ? [new Repetition(SWEEP_EVERY_MS, async () => await this.#blobs.sweep(), log)] : []),
    ];
  }

  /**
   * Takes the settings into use, for requests to come. Upstreams whose settings are the same keep their connections and what is
   * known of their health.
   * @param accesses of the settings' upstreams, in their order
   */
  replace(settings: MirrorSettings, accesses: readonly UpstreamAccess[]): void {
    const { counts, log, store } = this.parts;
    const before = this.#upstreams;
    this.#upstreams = accesses.map((access) => {
      const known = before.find((upstream) => upstream.isAs(access));
      if (known !== undefined) return known;
      const { name, url } = access.settings;
      return new Upstream(access, counts.of(name), new SharedPause(store, name, url, log), log);
    });
    counts.keepOnly(settings.upstreams.map(({ name }) => name));
    this.#names = new MirrorNames(this.#upstreams, settings.local);
    for (const upstream of before) {
      if (this.#upstreams.includes(upstream)) continue;
      this.#retired.add(upstream);
      upstream.retire();
    }
    this.#evict(settings.eviction);
  }

  /** To run before all others, which then see the repository's name here. Refuses nothing: who asks is not known yet. */
  readonly guard: Guard = (ctx) => {
    if (ctx.params["name"] === undefined) return undefined;
    const name = repositoryOf(ctx);
    const namespace = queryOf(ctx, "ns");
    const ownHosts = [...this.#ownHosts, ctx.host];
    let mirrored: MirroredName<Upstream> | undefined;
    try {
      mirrored = this.#names.find(name, namespace, ownHosts);
    } catch (refusal) {
      ctx.state[REFUSAL] = refusal;
    }
    if (namespace && !ownHosts.includes(namespace)) {
      setNamespacedName(ctx, namespacedName(namespace, name), mirrored !== undefined);
    }
    if (mirrored === undefined) return undefined;
    ctx.params = { ...ctx.params, name: mirrored.local };
    ctx.state["storedName"] = mirrored.stored;
    ctx.state[STATE] = mirrored;
    return undefined;
  };

  /** The name here of what is asked for by a namespaced name; undefined when that is not mirrored. */
  localNameOf(asked: string): string | undefined {
    const parsed = parseNamespacedName(asked);
    try {
      return parsed && this.#names.find(parsed.name, parsed.namespace, [])?.local;
    } catch (error) {
      if (isBerthError(error, "NAME_UNKNOWN", "NAME_INVALID")) return undefined;
      throw error;
    }
  }

  /** In place of the operation's own handler. */
  async answer(operation: Operation, handler: Handler, ctx: RegistryRequest): Promise<void> {
    const refusal: unknown = ctx.state[REFUSAL];
    if (refusal instanceof Error) throw refusal;
    const name = mirroredNameOf(ctx);
    if (name === undefined) {
      await handler(ctx);
      return;
    }
    const answer = this.#answers.get(operation.name);
    if (answer === undefined) throw readOnly(name);
    // distribution-spec's main branch, "Registry Proxying": tells the client that its `ns` was not ignored.
    if (name.namespace !== undefined) ctx.set("OCI-Namespace", name.namespace);
    try {
      await answer(ctx, name, handler);
    } catch (error) {
      const wait = retryAfterOf(error);
      if (wait !== undefined && !ctx.res.headersSent)
        ctx.set("Retry-After", String(Math.max(1, Math.ceil(wait / 1000))));
      throw error;
    }
  }

  /** Breaks off what is being fetched and writes down what was pulled. */
  async close(): Promise<void> {
    await Promise.all(this.#repetitions.map(async (repetition) => await repetition.stop()));
    await this.#evicting?.stop();
    await this.#blobs.stopSharing();
    await Promise.all([...this.#upstreams, ...this.#retired].map(async (upstream) => await upstream.close()));
    await this.#blobs.close();
    await this.#ledger.flush();
  }

  /** A round that is under way goes on beside the new ones, which does no harm. */
  #evict({ maxSize, maxAgeDays, everyMinutes }: MirrorSettings["eviction"]): void {
    void this.#evicting?.stop();
    this.#evicting = undefined;
    if (!this.parts.evicts || (maxSize === undefined && maxAgeDays === undefined)) return;
    const { registry, store, log, counts } = this.parts;
    const { blobs, manifests, tags } = registry;
    const limits = { maxSize, maxAgeMs: maxAgeDays === undefined ? undefined : maxAgeDays * DAY_MS };
    const evictor = new Evictor({ store, blobs, manifests, tags, ledger: this.#ledger, log, counts }, limits);
    this.#evicting = new Repetition(everyMinutes * 60_000, async () => void (await evictor.run()), log);
  }
}

const STATE = "mirrored";
/** Why a name is no mirrored one and not this registry's own either. */
const REFUSAL = "mirror refusal";

function mirroredNameOf(ctx: RegistryRequest): MirroredName<Upstream> | undefined {
  return ctx.state[STATE] as MirroredName<Upstream> | undefined;
}

/** /tmp is often memory, which a blob of any size must not fill. */
function spoolBeside(storeDirectory: string | undefined): string {
  if (storeDirectory !== undefined) return join(storeDirectory, ".spool");
  return "/var/tmp";
}
