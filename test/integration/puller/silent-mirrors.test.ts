import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";

import type { Digest } from "../../../oci/digest.js";
import type { HeadStarts } from "../../../puller/pull/registry-with-mirrors.js";
import type { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { asked, MirroredPull, PATIENT } from "./support/mirrored-pull.js";

/** Times that are over when the test says so, from then on for everybody. */
class DrivenHeadStarts implements HeadStarts {
  readonly #over = new EventEmitter().setMaxListeners(0);
  readonly #isOver = new Set<string>();

  async over(what: "reach" | "answer", signal: AbortSignal): Promise<void> {
    if (!this.#isOver.has(what)) await Promise.race([once(this.#over, what), once(signal, "abort")]);
  }

  end(what: "reach" | "answer"): void {
    this.#isOver.add(what);
    this.#over.emit(what);
  }
}

describe("a pull through mirrors that are silent", () => {
  let at: MirroredPull;
  let mirror: ScriptedRegistry;
  let origin: ScriptedRegistry;
  let big: Digest;
  let clock: DrivenHeadStarts;

  beforeEach(async () => {
    at = await MirroredPull.start();
    ({ mirror, origin, big } = at);
    at.headStarts = clock = new DrivenHeadStarts();
  });
  afterEach(() => at.stop());

  const hang = (from: ScriptedRegistry, part = ""): ServerResponse[] => {
    const held: ServerResponse[] = [];
    from.script = ({ url = "" }, response) => {
      if (!url.includes(part)) return false;
      held.push(response);
      return true;
    };
    return held;
  };

  it("asks the registry beside one that cannot be reached, and that one for nothing more", async () => {
    hang(mirror);
    const pulling = at.pull();
    await waitUntil("the mirror is asked", () => mirror.requests.length === 1);
    assert.deepEqual(origin.requests, []);
    clock.end("reach");
    await pulling;
    at.isWhole();
    assert.deepEqual(mirror.requests, ["GET /v2/"]);
    assert.ok(at.notes.some((note) => note.startsWith("left the mirror")));
  });

  it("gives it no head start in the next pulls, until it is reached again", async () => {
    hang(mirror);
    const first = at.pull();
    clock.end("reach");
    await first;
    at.headStarts = PATIENT;
    await at.pull(undefined, "reg.example/team/other:1");
    assert.equal(mirror.requests.length, 2, "it is asked all the same");
    mirror.script = () => false;
    const held = hang(origin);
    await at.pull(undefined, "reg.example/team/third:1");
    for (const response of held) response.destroy();
    origin.script = () => false;
    origin.requests.length = 0;
    await at.pull(undefined, "reg.example/team/fourth:1");
    assert.deepEqual(origin.requests, []);
  });

  it("leaves one that is there and does not answer once the registry has", async () => {
    hang(mirror, "/manifests/");
    const pulling = at.pull();
    await waitUntil("the mirror is asked", () => asked(mirror, "/manifests/").length === 1);
    assert.deepEqual(origin.requests, []);
    clock.end("answer");
    await pulling;
    at.isWhole();
    assert.deepEqual(asked(mirror, "/blobs/"), []);
    assert.equal(asked(mirror, "/manifests/").length, 1);
  });

  it("waits for a mirror that has what the registry has not", async () => {
    const held = hang(mirror, "/manifests/1");
    origin.image = undefined;
    const pulling = at.pull();
    clock.end("answer");
    await waitUntil("the registry has answered", () => asked(origin, "/manifests/1").length > 0);
    mirror.script = () => false;
    for (const response of held) {
      const bytes = at.image.blobs.get(at.image.manifest) ?? new Uint8Array();
      const headers = { "content-length": bytes.length, "docker-content-digest": at.image.manifest };
      response.writeHead(200, headers).end();
    }
    await pulling;
    at.isWhole();
  });

  it("takes a layer's bytes from one of two that begin to send it, each once and in order", async () => {
    const held = hang(mirror, big);
    const bytes = at.image.blobs.get(big) ?? new Uint8Array();
    origin.script = ({ url = "" }, response) => {
      if (!url.includes(big)) return false;
      // Both at once.
      for (const other of [...held, response]) {
        other.writeHead(200, { "content-length": bytes.length });
        other.write(bytes.subarray(0, 100));
        other.end(bytes.subarray(100));
      }
      return true;
    };
    const pulling = at.pull();
    await waitUntil("the mirror is asked for the layer", () => held.length === 1);
    clock.end("answer");
    await pulling;
    at.isWhole();
    assert.equal(asked(origin, big).length, 1);
  });

  it("goes on at another one where that which was quicker breaks off", async () => {
    const held = hang(mirror, big);
    const bytes = at.image.blobs.get(big) ?? new Uint8Array();
    const ranges: (string | undefined)[] = [];
    let cuts = 2;
    origin.script = ({ url = "", headers }, response) => {
      if (!url.includes(big)) return false;
      ranges.push(headers.range);
      if (cuts-- === 0) return false;
      mirror.script = () => false;
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100));
      // Its bytes have been taken when the mirror is told to stop.
      if (cuts === 1) held[0]?.once("close", () => response.destroy());
      else response.destroy();
      return true;
    };
    const pulling = at.pull();
    await waitUntil("the mirror is asked for the layer", () => held.length === 1);
    clock.end("answer");
    await pulling;
    at.isWhole();
    assert.equal(ranges[0], undefined);
    assert.equal(asked(mirror, big).length, 2);
  });
});
