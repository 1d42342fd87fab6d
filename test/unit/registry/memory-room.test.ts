import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";

import { MemoryRoom } from "../../../registry/http/memory-room.js";

describe("memory room", () => {
  it("lets in what there is room for, in the order in which it came, and nobody past who waits", async () => {
    const room = new MemoryRoom(100);
    const inside: string[] = [];
    const enter = (name: string, bytes: number): Promise<() => void> =>
      room.take(bytes).then((leave) => {
        inside.push(name);
        return leave;
      });
    const first = await enter("first", 60);
    const large = enter("large", 70);
    const small = enter("small", 10);
    await turn();
    assert.deepEqual(inside, ["first"]);
    first();
    const [leaveLarge, leaveSmall] = [await large, await small];
    assert.deepEqual(inside, ["first", "large", "small"]);
    const last = enter("last", 40);
    await turn();
    assert.equal(inside.length, 3);
    leaveSmall();
    await turn();
    assert.equal(inside.length, 3);
    leaveLarge();
    await last;
    assert.deepEqual(inside, ["first", "large", "small", "last"]);
  });

  it("gives all there is to who asks for more", async () => {
    const room = new MemoryRoom(100);
    const leave = await room.take(1000);
    let entered = false;
    const next = room.take(1).then((free) => {
      entered = true;
      return free;
    });
    await turn();
    assert.equal(entered, false);
    leave();
    (await next)();
    (await room.take(100))();
  });
});
