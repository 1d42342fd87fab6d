import assert from "node:assert/strict";

import type { Digest } from "../../../../oci/digest.js";
import { BerthError } from "../../../../oci/errors.js";
import { collectGarbage } from "../../../../registry/collector/collect.js";
import type { ReceivedManifest } from "../../../../registry/storage/manifest-record.js";
import { FixedIds } from "./support/fixed-ids.js";
import { playAll, playSome, type Scenario } from "./support/schedules.js";
import {
  age,
  assertClean,
  assertWhole,
  blobOf,
  directly,
  manifestIn,
  manifestOf,
  pushBlob,
  pushImage,
  registryOf,
} from "./support/small-registry.js";
import { ObjectTable, type SteppedStore } from "./support/stepped-store.js";

type Actor = (store: SteppedStore) => Promise<void>;

interface Expectations {
  /** Whether what was promised must be there at the end: nobody deletes it. */
  readonly keep?: boolean;
  /** Whether collectors take untagged manifests at the end. */
  readonly untagged?: boolean;
  /** When all actors have come to an end. */
  readonly also?: (table: ObjectTable) => void;
}

interface Prepared extends Scenario {
  readonly start: ObjectTable;
}

interface Promised {
  readonly manifest: ReceivedManifest;
  readonly tag?: string;
}

const CONFIG = "config";
const LAYER = "layer";
const IMAGE = manifestOf({ blobs: [CONFIG, LAYER] });
const SMALL = manifestOf({ blobs: [CONFIG] });
const INDEX = manifestOf({ manifests: [SMALL] });
const SIGNATURE = manifestOf({ blobs: [LAYER], subject: SMALL });

/** Of two actors each may be stopped in the middle of the other; of three, one. */
const BOUNDS_OF_TWO = [
  { preemptions: 2, deaths: 0 },
  { preemptions: 0, deaths: 1 },
];
const BOUNDS_OF_THREE = [
  { preemptions: 1, deaths: 0 },
  { preemptions: 0, deaths: 1 },
];
/** And that many schedules without bounds, drawn by chance. */
const DRAWN = 25;
const MINUTE_MS = 60_000;

describe("collector among writers", () => {
  let ids: FixedIds;
  let promised: Promised[];
  let graceMs: number;

  before(() => {
    ids = new FixedIds();
  });

  after(() => {
    ids.restore();
  });

  const collector: Actor = async (store) => {
    await collectGarbage(store, { graceMs });
  };
  const untaggedCollector: Actor = async (store) => {
    await collectGarbage(store, { graceMs, untaggedGraceMs: graceMs });
  };
  const pusher = (manifest: ReceivedManifest, blobs: readonly string[], tag?: string, repository = "a"): Actor => {
    return async (store) => {
      try {
        await pushImage(store, repository, manifest, blobs, tag);
        if (repository === "a") promised.push({ manifest, ...(tag !== undefined && { tag }) });
      } catch (error) {
        // A push may be refused, and then the client pushes again; it may not be answered by a lie.
        if (!(error instanceof BerthError)) throw error;
      }
    };
  };
  const toucher =
    (text: string): Actor =>
    async (store) => {
      try {
        await registryOf(store).blobs.stat("a", blobOf(text).digest);
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
      }
    };

  async function scenario(
    prepare: (store: SteppedStore) => Promise<void>,
    actors: Readonly<Record<string, Actor>>,
    { keep = true, untagged = false, also }: Expectations = {},
  ): Promise<Prepared> {
    const table = new ObjectTable();
    ids.restart(0);
    await prepare(directly(table));
    return {
      start: table,
      begin: () => {
        ids.restart(100);
        promised = [];
      },
      table: table.objects,
      actors,
      check: assertWhole,
      finish: async (now) => {
        const store = directly(now);
        if (keep) await assertKept(store, untagged);
        also?.(now);
        for (let run = 0; run < 2; run++) {
          await collectGarbage(store, { graceMs: 0, ...(untagged && { untaggedGraceMs: 0 }) });
          assertWhole(now);
          if (keep) await assertKept(store, untagged);
        }
        assertClean(now);
      },
    };
  }

  async function assertKept(store: SteppedStore, untagged: boolean): Promise<void> {
    const { manifests, blobs, tags } = registryOf(store);
    for (const { manifest, tag } of promised) {
      if (tag !== undefined) assert.equal(await tags.resolve("a", tag), manifest.digest);
      else if (untagged) continue;
      const open = new Set<Digest>([manifest.digest]);
      for (const digest of open) {
        await manifests.get("a", digest);
        const parts = [IMAGE, SMALL, INDEX, SIGNATURE].find((it) => it.digest === digest);
        for (const child of parts?.manifests ?? []) open.add(child);
        for (const blob of parts?.blobs ?? []) await (await blobs.open("a", blob)).close();
      }
    }
  }

  async function hold(it: Prepared): Promise<void> {
    const all = Object.keys(it.actors).length > 2 ? BOUNDS_OF_THREE : BOUNDS_OF_TWO;
    const before = Math.floor(Date.now() - 50 * MINUTE_MS);
    for (const [at, grace] of [
      // Writers touch what is so old, and collectors respect nobody.
      [0, 0],
      // What is not so old writers only look at; collectors take it, and have nothing against those who are at work.
      [before, 30 * MINUTE_MS],
    ] as const) {
      age(it.start, at);
      graceMs = grace;
      for (const bounds of all) await playAll(it, bounds);
      await playSome(
        it,
        2,
        Array.from({ length: DRAWN }, (_, seed) => seed),
      );
    }
  }

  const untouched = async (store: SteppedStore): Promise<void> => {
    await pushBlob(store, "a", CONFIG);
    await pushBlob(store, "a", LAYER);
  };

  it("keeps an image whole whose blobs were told to be there", async () => {
    await hold(await scenario(untouched, { pusher: pusher(SMALL, [CONFIG], "v1"), collector }));
    const image = { pusher: pusher(IMAGE, [CONFIG, LAYER], "v1"), collector, toucher: toucher(LAYER) };
    await hold(await scenario(untouched, image));
  });

  it("keeps an image whole whose blobs are pushed meanwhile", async () => {
    await hold(await scenario(async () => {}, { pusher: pusher(SMALL, [CONFIG], "v1"), collector }));
  });

  it("keeps a blob that two push at the same time", async () => {
    await hold(
      await scenario(async () => {}, { one: pusher(SMALL, [CONFIG]), other: pusher(SMALL, [CONFIG], "v1"), collector }),
    );
  });

  it("keeps a blob that another repository mounts", async () => {
    const mounter: Actor = async (store) => {
      try {
        if (!(await registryOf(store).blobs.mount("a", blobOf(CONFIG).digest, "b"))) return;
        await registryOf(store).manifests.put("a", SMALL);
        promised.push({ manifest: SMALL });
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
      }
    };
    const prepare = async (store: SteppedStore): Promise<void> => {
      await pushBlob(store, "b", CONFIG);
    };
    await hold(await scenario(prepare, { mounter, collector, toucher: toucher(CONFIG) }));
  });

  it("is safe beside another collector", async () => {
    await hold(await scenario(untouched, { pusher: pusher(SMALL, [CONFIG]), collector, other: collector }));
  });

  it("keeps what is pushed again while it is deleted", async () => {
    const prepare = async (store: SteppedStore): Promise<void> => {
      await pushImage(store, "a", SMALL, [CONFIG]);
      await pushImage(store, "a", SIGNATURE, [LAYER]);
    };
    const deleter: Actor = async (store) => {
      await registryOf(store).manifests.delete("a", SIGNATURE.digest);
    };
    await hold(await scenario(prepare, { pusher: pusher(SIGNATURE, [LAYER]), deleter, collector }, { keep: false }));
  });

  it("keeps an untagged index and its child that get a tag, and the child that gets into an index", async () => {
    const prepare = async (store: SteppedStore): Promise<void> => {
      await pushImage(store, "a", SMALL, [CONFIG]);
      await pushImage(store, "a", INDEX, []);
    };
    await hold(await scenario(prepare, { tagger: pusher(INDEX, [], "v1"), untaggedCollector }, { untagged: true }));
    const child = async (store: SteppedStore): Promise<void> => {
      await pushImage(store, "a", SMALL, [CONFIG]);
    };
    await hold(await scenario(child, { pusher: pusher(INDEX, [], "v1"), untaggedCollector }, { untagged: true }));
  });

  it("keeps the signature of a manifest that gets a tag, beside two collectors of untagged manifests", async () => {
    const prepare = async (store: SteppedStore): Promise<void> => {
      await pushImage(store, "a", SMALL, [CONFIG]);
      await pushImage(store, "a", SIGNATURE, [LAYER]);
    };
    // As long as it is the manifest that was signed, and not one that was pushed again after it had gone.
    const also = (table: ObjectTable): void => {
      const record = manifestIn(table, "a", SMALL.digest);
      const isTagged = promised.length > 0;
      if (isTagged && record?.data === signedData)
        assert.ok(manifestIn(table, "a", SIGNATURE.digest)?.state === "live");
    };
    const tagger = pusher(SMALL, [CONFIG], "v1");
    const actors = { tagger, untaggedCollector, other: untaggedCollector };
    const it = await scenario(prepare, actors, { untagged: true, also });
    const signedData = manifestIn(it.start, "a", SMALL.digest)?.data;
    await hold(it);
  });

  it("lists no referrer that is deleted while it is pushed", async () => {
    const prepare = async (store: SteppedStore): Promise<void> => {
      await pushImage(store, "a", SMALL, [CONFIG]);
      await pushImage(store, "a", SIGNATURE, [LAYER]);
    };
    const deleter: Actor = async (store) => {
      await registryOf(store).manifests.delete("a", SIGNATURE.digest);
    };
    const also = (table: ObjectTable): void => {
      const isListed = [...table.objects.keys()].some((key) => key.startsWith("repos/a/referrers/"));
      assert.equal(isListed, manifestIn(table, "a", SIGNATURE.digest)?.state === "live");
    };
    const actors = { pusher: pusher(SIGNATURE, [LAYER]), deleter };
    await playAll(await scenario(prepare, actors, { keep: false, also }), { preemptions: 3, deaths: 0 });
  });

  it("refuses no push where nobody collects", async () => {
    let failed = 0;
    const insist: Actor = async (store) => {
      await pushImage(store, "a", SMALL, [CONFIG], "v1").catch((error: unknown) => {
        failed++;
        throw error;
      });
      promised.push({ manifest: SMALL, tag: "v1" });
    };
    const it = await scenario(async () => {}, { one: insist, other: insist });
    await playAll(it, { preemptions: 2, deaths: 0 });
    await playSome(
      it,
      0,
      Array.from({ length: DRAWN }, (_, seed) => seed),
    );
    assert.equal(failed, 0);
  });
});
