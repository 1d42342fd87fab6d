import type { MirrorSettings } from "../config/mirrors-section.js";
import type { Detour, Guard } from "../http/routes.js";
import type { MetricFamily } from "../observability/metric-family.js";
import { mirrorFamilies } from "../observability/mirror-families.js";
import { MirrorCounts } from "./mirror-counts.js";
import type { MirrorParts, Mirrors } from "./mirrors.js";

/** The mirrors that a registry has at the moment, if it has any. */
export class OpenMirrors {
  readonly families: readonly MetricFamily[];
  #mirrors: Mirrors | undefined;

  private constructor(private readonly parts: MirrorParts) {
    this.families = mirrorFamilies(parts.counts);
  }

  /** @throws BerthError CONFIG_INVALID */
  static async open(settings: MirrorSettings | undefined, parts: Omit<MirrorParts, "counts">): Promise<OpenMirrors> {
    const open = new OpenMirrors({ ...parts, counts: new MirrorCounts() });
    (await open.prepare(settings))();
    return open;
  }

  /** To run before all others. */
  get guard(): Guard {
    return (ctx, operation) => this.#mirrors?.guard(ctx, operation);
  }

  get detour(): Detour {
    return (operation, handler) => (ctx) => this.#mirrors?.answer(operation, handler, ctx) ?? handler(ctx);
  }

  /** See Mirrors. */
  localNameOf(asked: string): string | undefined {
    return this.#mirrors?.localNameOf(asked);
  }

  /**
   * The wire client and all that belongs to it are loaded only where there are upstreams.
   * @returns takes the settings into use; until it is called nothing changes. Where blobs are spooled stays as it first was.
   * @throws BerthError CONFIG_INVALID for files that cannot be read
   */
  async prepare(settings: MirrorSettings | undefined): Promise<() => void> {
    if (settings === undefined || (settings.upstreams.length === 0 && this.#mirrors === undefined))
      return () => undefined;
    const [{ Mirrors }, { readUpstreamAccess }] = await Promise.all([import("./mirrors.js"), import("./upstream.js")]);
    const accesses = settings.upstreams.map(readUpstreamAccess);
    return () => {
      this.#mirrors ??= new Mirrors(settings.spool, this.parts);
      this.#mirrors.replace(settings, accesses);
    };
  }

  async close(): Promise<void> {
    await this.#mirrors?.close();
  }
}
