import assert from "node:assert/strict";

import { PartBuffers, type PartBuffer } from "../../../storage/s3/part-buffers.js";

const SIZE = 1024;

describe("part buffers", () => {
  const notAsked = (): void => {
    assert.fail("asked to give a buffer back");
  };

  /** Whether it is resolved by now. */
  const isSettled = async (promise: Promise<unknown>): Promise<boolean> =>
    await Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);

  it("are as many as allowed, and are had in the order of asking", async () => {
    const buffers = new PartBuffers(2, SIZE);
    const [first, second] = [await buffers.take(SIZE, notAsked), await buffers.take(SIZE, notAsked)];
    const waiting = [buffers.take(SIZE, notAsked), buffers.take(SIZE, notAsked)];
    assert.deepEqual(await Promise.all(waiting.map(isSettled)), [false, false]);
    buffers.giveBack(first);
    assert.deepEqual(await Promise.all(waiting.map(isSettled)), [true, false]);
    buffers.giveBack(second);
    const [third, fourth] = await Promise.all(waiting);
    assert.ok(third !== fourth);
    assert.deepEqual([third?.length, third?.bytes.length], [0, SIZE]);
    // Their memory is used again.
    assert.deepEqual(new Set([third?.bytes, fourth?.bytes]), new Set([first.bytes, second.bytes]));
  });

  it("that are lent come back at once when somebody waits, and not before", async () => {
    const buffers = new PartBuffers(1, SIZE);
    let asked = 0;
    const lent: PartBuffer = await buffers.take(SIZE, notAsked);
    buffers.lend(lent, () => {
      asked++;
      buffers.giveBack(lent);
    });
    assert.equal(asked, 0);
    await buffers.take(SIZE, notAsked);
    assert.equal(asked, 1);
  });

  it("that are being sent are left alone, and one that was given back twice counts once", async () => {
    const buffers = new PartBuffers(1, SIZE);
    const sent = await buffers.take(SIZE, notAsked);
    buffers.keep(sent);
    const next = buffers.take(SIZE, notAsked);
    assert.equal(await isSettled(next), false);
    buffers.giveBack(sent);
    buffers.giveBack(sent);
    await next;
    assert.equal(await isSettled(buffers.take(SIZE, notAsked)), false);
  });
});
