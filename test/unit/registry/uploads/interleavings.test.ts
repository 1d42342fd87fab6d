import assert from "node:assert/strict";

import { isBerthError } from "../../../../oci/errors.js";
import { collectGarbage } from "../../../../registry/collector/collect.js";
import { BlobStore } from "../../../../registry/storage/blob-store.js";
import { UploadRegistry, type UploadOptions } from "../../../../registry/uploads/upload-registry.js";
import { FixedIds } from "../collector/support/fixed-ids.js";
import { playAll, playSome, type Scenario } from "../collector/support/schedules.js";
import { assertClean, assertWhole, blobOf, directly } from "../collector/support/small-registry.js";
import { ObjectTable, type SteppedStore } from "../collector/support/stepped-store.js";

type Actor = (store: SteppedStore) => Promise<void>;

const BLOB = blobOf("a blob");
const DRAWN = 150;
/** How often a client asks in vain. */
const ASKED = 8;

/** Each actor is a replica that has not yet seen the session, which waits with the blob's bytes. */
describe("replicas that want the same upload on a bucket", () => {
  let ids: FixedIds;
  let closed: number;
  let cancelled: number;
  /** As of the last step that changed something. */
  let present: ObjectTable;
  let asked: (number | "committed" | "lost")[];

  before(() => {
    ids = new FixedIds();
  });

  after(() => {
    ids.restore();
  });

  let remote: boolean;

  beforeEach(() => {
    remote = true;
  });

  const uploadsOn = (store: SteppedStore, options: UploadOptions = {}): UploadRegistry => {
    const medium = Object.assign(store, { traits: { conditionalCreate: true, staleForMs: 0, remote } });
    return new UploadRegistry(medium, new BlobStore(medium), options);
  };

  async function scenario(actors: Readonly<Record<string, (id: string) => Actor>>): Promise<Scenario> {
    const table = new ObjectTable();
    ids.restart(0);
    const uploads = uploadsOn(directly(table));
    const id = await uploads.start("a", "sha256");
    const held = await uploads.acquire("a", id);
    await held.session.open();
    await held.session.write(BLOB.bytes);
    await held.leave();
    await uploads.close();
    return {
      begin: () => {
        ids.restart(100);
        [closed, cancelled, asked] = [0, 0, []];
      },
      table: table.objects,
      actors: Object.fromEntries(Object.entries(actors).map(([name, act]) => [name, act(id)])),
      check: (now) => {
        present = now;
        assertWhole(now);
        const data = [...now.objects.keys()].filter((key) => key.startsWith("data/"));
        assert.ok(data.length <= 1, "the bytes of a session get one name");
      },
      finish: async (now) => {
        const store = directly(now);
        for (const answer of asked) assert.ok(answer === "committed" || answer === BLOB.bytes.length, String(answer));
        assert.ok(closed + cancelled <= 1, "a session ends once");
        if (closed > 0) assert.equal(await new BlobStore(store).stat("a", BLOB.digest), BLOB.bytes.length);
        if (closed + cancelled > 0) {
          await assert.rejects(uploadsOn(store).size("a", id), (error) => isBerthError(error, "UPLOAD_UNKNOWN"));
        }
        // The claim of one that died is seen first, then taken over and ended, and what has ended is removed the next time.
        const sweeping = uploadsOn(store, { leaseMs: 1e-6 });
        for (let i = 0; i < 3; i++) await sweeping.expire(-1);
        await sweeping.close();
        for (let i = 0; i < 2; i++) await collectGarbage(store, { graceMs: 0 });
        assertClean(now);
        assert.deepEqual(
          [...now.objects.keys()].filter((key) => key.startsWith("uploads/")),
          [],
        );
      },
    };
  }

  const acting =
    (act: (uploads: UploadRegistry, id: string) => Promise<void>) =>
    (id: string): Actor =>
    async (store) => {
      const uploads = uploadsOn(store);
      try {
        await act(uploads, id);
      } catch (error) {
        // Refused, because another one has it or had it.
        if (!isBerthError(error, "UPLOAD_UNKNOWN", "RANGE_INVALID", "DIGEST_INVALID")) throw error;
      } finally {
        await uploads.close();
      }
    };

  const closer = (closing: boolean): ((id: string) => Actor) =>
    acting(async (uploads, id) => {
      await (await uploads.acquire("a", id, { closing, digest: BLOB.digest })).commit(BLOB.digest);
      closed++;
    });

  const canceller = acting(async (uploads, id) => {
    await uploads.cancel("a", id);
    cancelled++;
  });

  const patcher = acting(async (uploads, id) => {
    const held = await uploads.acquire("a", id);
    await held.session.open();
    await held.session.write(Buffer.from("!"));
    await held.leave();
  });

  /** Whoever is told that there is no upload finds the blob; nobody is told to go on from anywhere but its end. */
  const asking =
    (ask: (uploads: UploadRegistry, id: string) => Promise<number>) =>
    (id: string): Actor =>
    async (store) => {
      const uploads = uploadsOn(store);
      for (let times = 0; times < ASKED; times++) {
        try {
          asked.push(await ask(uploads, id));
        } catch (error) {
          if (isBerthError(error, "RANGE_INVALID")) asked.push(Number(error.details["size"]));
          else if (!isBerthError(error, "UPLOAD_UNKNOWN")) throw error;
          else {
            const isThere = await new BlobStore(directly(present)).isKept("a", BLOB.digest);
            asked.push(isThere ? "committed" : "lost");
            return;
          }
        }
      }
    };

  const asker = asking(async (uploads, id) => await uploads.size("a", id));

  /** As a client whose connection broke before it heard of its commit. */
  const retrier = asking(async (uploads, id) => {
    await (await uploads.acquire("a", id, { closing: true, digest: BLOB.digest })).commit(BLOB.digest);
    closed++;
    return BLOB.bytes.length;
  });

  const hold = async (it: Scenario): Promise<void> => {
    await playAll(it, { preemptions: 2, deaths: 0 });
    await playAll(it, { preemptions: 0, deaths: 1 });
    await playSome(
      it,
      1,
      Array.from({ length: DRAWN }, (_, seed) => seed),
    );
  };

  it("close it once, whichever way they do it", async () => {
    await hold(await scenario({ one: closer(true), other: closer(true) }));
    await hold(await scenario({ one: closer(true), other: closer(false) }));
  });

  it("close or cancel it, and never both", async () => {
    await hold(await scenario({ closer: closer(true), canceller }));
    await hold(await scenario({ closer: closer(false), canceller }));
  });

  for (const medium of ["a bucket", "a file system"]) {
    it(`ask for it on ${medium} while it is committed, and are told where it stands until the blob is there`, async () => {
      remote = medium === "a bucket";
      const cases: Readonly<Record<string, (id: string) => Actor>>[] = [
        { closer: closer(true), asker },
        { closer: closer(false), asker },
        { closer: closer(true), retrier },
        { closer: closer(false), retrier },
      ];
      for (const actors of cases) {
        const it = await scenario(actors);
        await playAll(it, { preemptions: 2, deaths: 0 });
        await playSome(
          it,
          0,
          Array.from({ length: DRAWN }, (_, seed) => seed),
        );
      }
    });
  }

  it("go on with it or end it, and never go on with what has ended", async () => {
    await hold(await scenario({ patcher, closer: closer(true) }));
    await hold(await scenario({ patcher, canceller }));
    await hold(await scenario({ patcher, closer: closer(true), canceller }));
  });
});
