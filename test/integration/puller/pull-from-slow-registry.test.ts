import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { parseReference } from "../../../oci/reference.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { smallImage, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

const limits = { attempts: 3, baseDelay: 5, maximumDelay: 10 };
/** For servers that drip; a busy machine must not take an honest one for such. */
const IMPATIENT = { ...limits, attempts: 1, lowSpeedTime: 200 };

describe("a pull from a registry that has time", () => {
  let registry: ScriptedRegistry;
  let state: StateRoot;
  let image: SmallImage;
  let layer: Digest;

  before(async () => {
    image = await smallImage([
      [{ name: "big", content: Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * 7919) % 251)) }],
    ]);
    layer = image.layers[0]?.digest as Digest;
  });
  beforeEach(async () => {
    state = new StateRoot();
    registry = await new ScriptedRegistry().start();
    registry.image = image;
  });
  afterEach(async () => {
    await registry.stop();
    await state.remove();
  });

  const pull = (own = limits): Promise<unknown> =>
    pullImage(state.root, parseReference(`${registry.address}/app:1`), { client: { limits: own } });
  const refuses = async (code: string, own = limits): Promise<void> => {
    await assert.rejects(pull(own), { code });
    assert.deepEqual([...state.files(), ...state.directories()], []);
  };
  const onBlob = (digest: Digest, answer: (request: IncomingMessage, response: ServerResponse) => unknown): void => {
    registry.script = async (request, response) => {
      if (request.url !== `/v2/app/blobs/${digest}`) return false;
      return (await answer(request, response)) !== false;
    };
  };
  const bytesOf = (digest: Digest): Uint8Array => image.blobs.get(digest) ?? new Uint8Array();

  it("a server that drips is broken off, however long it could go on", async () => {
    onBlob(layer, async (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      for (let i = 0; !response.destroyed; i++) {
        response.write(bytesOf(layer).subarray(i, i + 1));
        await sleep(20);
      }
    });
    await refuses("NETWORK", IMPATIENT);
  });

  it("a server that gives one byte for each connection is left after a few", async () => {
    let calls = 0;
    onBlob(layer, (request, response) => {
      calls++;
      const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
      const left = bytesOf(layer).subarray(start);
      const range = `bytes ${String(start)}-${String(bytesOf(layer).length - 1)}/${String(bytesOf(layer).length)}`;
      response.writeHead(start > 0 ? 206 : 200, { "content-length": left.length, "content-range": range });
      response.write(left.subarray(0, 1), () => response.destroy());
    });
    await refuses("NETWORK");
    assert.equal(calls, limits.attempts);
  });

  it("a manifest that drips is not waited for", async () => {
    registry.script = async (request, response) => {
      if (request.method !== "GET" || request.url?.includes("/manifests/") !== true) return false;
      response.writeHead(200, { "content-length": 5000, "content-type": MediaType.ociManifest });
      while (!response.destroyed) {
        response.write(" ");
        await sleep(20);
      }
      return true;
    };
    await refuses("NETWORK", IMPATIENT);
  });

  it("429 is waited out as long as the server says, 503 is tried again", async () => {
    let calls = 0;
    onBlob(layer, (_, response) => {
      calls++;
      if (calls > 2) return false;
      const status = calls === 1 ? 429 : 503;
      return response.writeHead(status, { "retry-after": "0" }).end();
    });
    await pull();
    assert.equal(calls, 3);
  });

  it("429 for minutes is reported, not sat out", async () => {
    onBlob(layer, (_, response) => response.writeHead(429, { "retry-after": "900" }).end());
    // The tests' own time limit is shorter than that.
    await refuses("TOO_MANY_REQUESTS");
  });
});
