import type { ObjectStore } from "../../storage/object-store.js";
import type { Registry } from "../registry.js";
import type { DistributionLayout } from "./distribution-layout.js";

/** One repository on its way in. */
export interface RepositoryImport {
  readonly store: ObjectStore;
  readonly layout: DistributionLayout;
  readonly registry: Registry;
  readonly repository: string;
  readonly report: (kind: "lost" | "kept", what: string, why: string) => void;
}

const AT_ONCE = 16;

/** `work` for each item, some at once; the first failure ends it. */
export async function inBatches<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < AT_ONCE) continue;
    await Promise.all(batch.map(work));
    batch = [];
  }
  await Promise.all(batch.map(work));
}
