import assert from "node:assert/strict";

import { BerthError } from "../../../../oci/errors.js";
import { UncommittedUploads } from "../../../../registry/uploads/uncommitted-uploads.js";

const LIMITS = { perRepository: { count: 4, bytes: 1000 }, perClient: { count: 6, bytes: 5000 } };
const ours = { repository: "a", client: "user alice" };

describe("uploads that were begun and not committed", () => {
  let now: number;
  /** What the store knows: sizes by ID; what is not there has ended. */
  let stored: Map<string, number>;
  let looks: number;
  let uploads: UncommittedUploads;

  beforeEach(() => {
    now = 0;
    looks = 0;
    stored = new Map();
    uploads = new UncommittedUploads(
      LIMITS,
      async (_repository, id) => {
        looks++;
        const size = await Promise.resolve(stored.get(id));
        if (size === undefined) throw new BerthError("UPLOAD_UNKNOWN", "there is no such upload");
        return size;
      },
      () => now,
    );
  });

  const begin = async (id: string, owner = ours): Promise<void> => {
    await uploads.begin(id, owner);
    stored.set(id, 0);
    uploads.left(id, 0);
  };
  const refused = { code: "TOO_MANY_REQUESTS", reason: "uploads" };

  it("are limited by repository, and by client over all repositories, until they end", async () => {
    for (const id of ["1", "2", "3", "4"]) await begin(id);
    await assert.rejects(begin("5"), refused);
    for (const id of ["6", "7"]) await begin(id, { repository: "b", client: ours.client });
    await assert.rejects(begin("8", { repository: "c", client: ours.client }), refused);
    await begin("9", { repository: "c", client: "user bob" });
    uploads.ended("1");
    await begin("10");
    assert.equal(uploads.count, 7);
  });

  it("are counted when they are asked for at once", async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, i) => {
        await uploads.begin(String(i), ours);
      }),
    );
    assert.equal(asked.filter(({ status }) => status === "fulfilled").length, 4);
  });

  it("count no more when they have ended elsewhere, which is looked at no more often than every ten seconds", async () => {
    // Of as many clients, so that it is their repository that is looked at.
    const by = (id: string): typeof ours => ({ repository: "a", client: `user ${id}` });
    for (const id of ["1", "2", "3", "4"]) await begin(id, by(id));
    stored.delete("2");
    const before = looks;
    for (let i = 0; i < 100; i++) await assert.rejects(begin("5", by("5")), refused);
    assert.equal(looks, before);
    now += 10_000;
    await begin("5", by("5"));
    assert.equal(uploads.count, 4);
  });

  it("are looked at by nobody while they are few", async () => {
    for (const id of ["1", "2"]) await begin(id);
    await uploads.refresh(ours);
    assert.equal(looks, 0);
  });

  it("are refused when all together grow too large, and not when they only come to their end", async () => {
    await begin("1");
    await begin("2");
    const first = uploads.gaugeOf("1", ours);
    first(900);
    const second = uploads.gaugeOf("2", ours);
    second(100);
    assert.throws(
      () => {
        second(101);
      },
      { code: "DENIED", reason: "uploads", message: /this repository .* 1001 bytes, and may hold 1000/ },
    );
    // What the refusal has cancelled.
    uploads.ended("2");
    first(1000);
    uploads.left("1", 1000);
    // One that another process has begun, and that is closed here.
    const closing = uploads.gaugeOf("3", ours, 500);
    closing(500);
    assert.equal(uploads.bytes, 1500);
    assert.throws(
      () => {
        uploads.gaugeOf("1", ours, 1000)(1001);
      },
      { code: "DENIED" },
    );
  });

  it("count what was received, not what was announced", async () => {
    await begin("1");
    uploads.gaugeOf("1", ours)(900);
    assert.deepEqual([uploads.bytes, uploads.receiving], [900, 1]);
    uploads.left("1", 10);
    assert.deepEqual([uploads.bytes, uploads.receiving], [10, 0]);
    uploads.ended("1");
    uploads.ended("1");
    assert.deepEqual([uploads.bytes, uploads.count], [0, 0]);
  });

  it("are not taken for ended while a request is being received", async () => {
    for (const id of ["1", "2", "3"]) await begin(id);
    uploads.gaugeOf("1", ours)(1);
    stored.clear();
    await uploads.refresh(ours);
    assert.equal(uploads.count, 1);
  });
});
