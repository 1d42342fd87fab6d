import assert from "node:assert/strict";
import { once } from "node:events";

import { firstToAnswer, type Lane } from "../../../../puller/pull/host-race.js";
import { waitUntil } from "../../../helpers/wait-until.js";

/** A race whose hosts answer, and whose clock goes, when the test says so. */
class Race {
  readonly asked: string[] = [];
  readonly failed: string[] = [];
  readonly passedOver: string[] = [];
  readonly lanes = new Map<string, Lane>();
  readonly #answers = new Map<string, (error: Error | undefined) => void>();
  readonly #headStarts = new Map<string, () => void>();
  readonly outcome: Promise<string>;

  constructor(hosts: readonly string[], signal?: AbortSignal) {
    this.outcome = firstToAnswer(
      hosts,
      async (host, lane) => {
        this.asked.push(host);
        this.lanes.set(host, lane);
        const answered = new Promise<string>((resolve, reject) => {
          this.#answers.set(host, (error) => {
            if (error === undefined) resolve(host);
            else reject(error);
          });
        });
        const stopped = once(lane.signal, "abort").then(() => {
          throw new Error("stopped");
        });
        return await Promise.race([answered, stopped]);
      },
      {
        headStart: async (host, own) => {
          await Promise.race([new Promise<void>((over) => this.#headStarts.set(host, over)), once(own, "abort")]);
        },
        failed: (host) => {
          if (signal?.aborted === true) throw new Error("cancelled");
          this.failed.push(host);
        },
        passedOver: (host, winner) => this.passedOver.push(`${host} for ${winner}`),
        signal,
      },
    );
    this.outcome.catch(() => undefined);
  }

  answer(host: string): void {
    this.#answers.get(host)?.(undefined);
  }

  fail(host: string): void {
    this.#answers.get(host)?.(new Error(`${host} failed`));
  }

  headStartOver(host: string): void {
    this.#headStarts.get(host)?.();
  }

  async hasAsked(...hosts: string[]): Promise<void> {
    await waitUntil(`${hosts.join(", ")} are asked`, () => this.asked.length >= hosts.length);
    assert.deepEqual(this.asked, hosts);
  }
}

describe("a race of hosts", () => {
  it("asks the first alone while it has its head start, and no other when it answers", async () => {
    const race = new Race(["a", "b"]);
    race.answer("a");
    assert.equal(await race.outcome, "a");
    assert.deepEqual([race.asked, race.passedOver], [["a"], []]);
  });

  it("asks the next when one fails, and the failure of the last is the one that counts", async () => {
    const race = new Race(["a", "b"]);
    race.fail("a");
    await race.hasAsked("a", "b");
    race.fail("b");
    await assert.rejects(race.outcome, /b failed/);
    assert.deepEqual(race.failed, ["a", "b"]);
  });

  it("asks the next beside one that is silent; the first answer counts, and the other is stopped and named", async () => {
    const race = new Race(["a", "b", "c"]);
    race.headStartOver("a");
    await race.hasAsked("a", "b");
    race.answer("b");
    assert.equal(await race.outcome, "b");
    assert.equal(race.lanes.get("a")?.signal.aborted, true);
    assert.deepEqual([race.asked, race.passedOver], [["a", "b"], ["a for b"]]);
  });

  it("waits for one that is silent when all others have failed", async () => {
    const race = new Race(["a", "b"]);
    race.headStartOver("a");
    await race.hasAsked("a", "b");
    race.fail("b");
    await waitUntil("b has failed", () => race.failed.includes("b"));
    race.answer("a");
    assert.equal(await race.outcome, "a");
    assert.deepEqual(race.passedOver, []);
  });

  it("reports the last one's failure though it came first", async () => {
    const race = new Race(["a", "b"]);
    race.headStartOver("a");
    await race.hasAsked("a", "b");
    race.fail("b");
    await waitUntil("b has failed", () => race.failed.includes("b"));
    race.fail("a");
    await assert.rejects(race.outcome, /b failed/);
  });

  it("stops the others for one that claims it, and goes back to them when that one fails", async () => {
    const race = new Race(["a", "b"]);
    race.headStartOver("a");
    await race.hasAsked("a", "b");
    const first = race.lanes.get("a");
    assert.equal(race.lanes.get("b")?.claim(), true);
    assert.equal(first?.signal.aborted, true);
    assert.equal(first.claim(), false);
    assert.equal(race.lanes.get("b")?.claim(), true);
    race.fail("b");
    await race.hasAsked("a", "b", "a");
    // What it was asked before may not be taken any more.
    assert.equal(first.claim(), false);
    assert.equal(race.lanes.get("a")?.claim(), true);
    race.answer("a");
    assert.equal(await race.outcome, "a");
  });

  it("ends for all when it is called off", async () => {
    const stop = new AbortController();
    const race = new Race(["a", "b"], stop.signal);
    race.headStartOver("a");
    await race.hasAsked("a", "b");
    stop.abort();
    await assert.rejects(race.outcome, /cancelled/);
    assert.equal(
      [...race.lanes.values()].every(({ signal }) => signal.aborted),
      true,
    );
  });
});
