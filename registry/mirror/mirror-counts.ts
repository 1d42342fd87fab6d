import type { FaultClass } from "./upstream-faults.js";

/** How a client's request for a copy went: `hit` when what was asked for was here, `stale` when nobody could confirm a tag. */
export type CopyResult = "hit" | "miss" | "stale" | "absent" | "failed";

export type CopyKind = "manifest" | "blob";

/** What is counted of one upstream, over all its settings. */
export class UpstreamCounts {
  readonly requests: Readonly<Record<CopyKind, Record<CopyResult, number>>> = {
    manifest: { hit: 0, miss: 0, stale: 0, absent: 0, failed: 0 },
    blob: { hit: 0, miss: 0, stale: 0, absent: 0, failed: 0 },
  };
  /** Bytes. */
  readonly received: Record<CopyKind, number> = { manifest: 0, blob: 0 };
  readonly faults = new Map<FaultClass, number>();
  host = "";
  /** Whether it is left alone at the moment because it fails. */
  isLeftAlone: () => boolean = () => false;

  fault(what: FaultClass): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + 1);
  }
}

/** What is counted of all copies in this process. */
export class MirrorCounts {
  /** By the upstreams' names, of which there are as many as the configuration has. */
  readonly upstreams = new Map<string, UpstreamCounts>();
  /** Of the copies, as the last look for what is to be evicted found them; undefined before. */
  held: { readonly bytes: number; readonly manifests: number } | undefined;
  readonly evicted = { bytes: 0, manifests: 0 };

  of(upstream: string): UpstreamCounts {
    const known = this.upstreams.get(upstream) ?? new UpstreamCounts();
    this.upstreams.set(upstream, known);
    return known;
  }

  keepOnly(upstreams: readonly string[]): void {
    for (const name of this.upstreams.keys()) if (!upstreams.includes(name)) this.upstreams.delete(name);
  }
}
