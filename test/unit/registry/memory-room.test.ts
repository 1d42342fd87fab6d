import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";

import { MemoryRoom } from "../../../registry/http/memory-room.js";

describe("memory room", () => {
  it("lets in what there is room for, in the order in which it came, and nobody past who waits", async () => {
    const room = new MemoryRoom(100);
    const inside: string[] = [];
    const enter = (name: string, bytes: number): Promise<() => void> =>
      room.take(bytes, name).then((leave) => {
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
    const leave = await room.take(1000, "a");
    let entered = false;
    const next = room.take(1, "b").then((free) => {
      entered = true;
      return free;
    });
    await turn();
    assert.equal(entered, false);
    leave();
    (await next)();
    (await room.take(100, "a"))();
  });

  it("leaves room for others, however much one asks for, and gives it more when others have gone", async () => {
    const room = new MemoryRoom(128);
    const entered: Record<string, number | undefined> = {};
    const leaves: Record<string, (() => void)[]> = {};
    const ask = (party: string, times: number): void => {
      for (let i = 0; i < times; i++) {
        void room.take(4, party).then((leave) => {
          entered[party] = (entered[party] ?? 0) + 1;
          (leaves[party] ??= []).push(leave);
        });
      }
    };
    ask("greedy", 100);
    ask("greedy too", 100);
    await turn();
    assert.deepEqual([entered["greedy"], entered["greedy too"]], [3, 3]);
    // Though two hundred wait before it.
    ask("honest", 1);
    await turn();
    assert.equal(entered["honest"], 1);
    for (const leave of leaves["greedy too"] ?? []) leave();
    await turn();
    assert.equal(entered["greedy too"], 6);
  });

  it("has room for twenty that take what they can, and for whoever comes then", async () => {
    const room = new MemoryRoom(128);
    const inside = new Map<string, number>();
    const ask = (party: string): void => {
      void room.take(4, party).then(() => inside.set(party, (inside.get(party) ?? 0) + 1));
    };
    for (let i = 0; i < 20; i++) {
      for (let times = 0; times < 32; times++) ask(`greedy ${String(i)}`);
      await turn();
      assert.ok(inside.has(`greedy ${String(i)}`), String(i));
    }
    ask("honest");
    await turn();
    assert.equal(inside.get("honest"), 1);
  });
});
