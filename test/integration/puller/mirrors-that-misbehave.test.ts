import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { RegistryWithMirrors } from "../../../puller/pull/registry-with-mirrors.js";
import type { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { imageOfTars, smallImage, type SmallImage } from "../../helpers/small-image.js";
import { asked, IMPATIENT, MirroredPull, PATIENT } from "./support/mirrored-pull.js";

type Misdeed = (request: IncomingMessage, response: ServerResponse) => unknown;

describe("a pull through mirrors that misbehave", () => {
  let at: MirroredPull;
  let mirror: ScriptedRegistry;
  let second: ScriptedRegistry;
  let origin: ScriptedRegistry;
  let state: MirroredPull["state"];
  let image: SmallImage;
  let big: Digest;
  let notes: string[];

  beforeEach(async () => {
    at = await MirroredPull.start();
    ({ mirror, second, origin, state, image, big, notes } = at);
  });
  afterEach(() => at.stop());
  const bytesOf = (digest: Digest): Uint8Array => image.blobs.get(digest) ?? new Uint8Array();

  const everywhere: Record<string, Misdeed> = {
    "hangs before it answers": () => undefined,
    "answers 500": (_, response) => response.writeHead(500).end(),
    "answers 503 and asks for patience": (_, response) => response.writeHead(503, { "retry-after": "600" }).end(),
    "answers 429 and asks for patience": (_, response) => response.writeHead(429, { "retry-after": "30" }).end(),
    "answers 401 without end": (_, response) =>
      response.writeHead(401, { "www-authenticate": 'Basic realm="mirror"' }).end(),
    "sends for tokens that are never given": (request, response) => {
      const realm = `http://${request.headers.host ?? ""}/token`;
      if (request.url?.startsWith("/token") === true) return response.writeHead(500).end();
      return response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
    },
    "answers 403": (_, response) => response.writeHead(403).end(),
    "redirects in circles": (request, response) => response.writeHead(307, { location: request.url }).end(),
    "redirects to a file": (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    "cuts the connection": (_, response) => response.destroy(),
    "speaks no HTTP": (_, response) => response.socket?.end("220 mail.example ESMTP\r\n"),
    "shows a page of welcome": (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>"),
    "drips its answer": async (_, response) => {
      response.writeHead(200, { "content-length": 5000, "content-type": MediaType.ociManifest });
      while (!response.destroyed) {
        response.write("{");
        await sleep(20);
      }
    },
  };
  for (const [name, misdeed] of Object.entries(everywhere)) {
    for (const [part, belongs] of [
      ["everywhere", (): boolean => true],
      ["for manifests", (url: string): boolean => url.includes("/manifests/")],
      ["for blobs", (url: string): boolean => url.includes("/blobs/")],
    ] as const) {
      it(`a mirror that ${name} ${part} costs a moment`, async () => {
        mirror.script = async (request, response) => {
          if (!belongs(request.url ?? "") && request.url?.startsWith("/token") !== true) return false;
          await misdeed(request, response);
          return true;
        };
        await at.pullImpatiently();
        at.isWhole();
        // It is not asked about every layer anew: at most those that were on their way.
        assert.ok(mirror.requests.length <= 16, mirror.requests.join("\n"));
      });
    }
  }

  it("a mirror where nobody listens costs a moment", async () => {
    await mirror.stop();
    const gone = at.asMirror(mirror);
    await at.pull([gone, at.asOrigin(origin)]);
    at.isWhole();
  });

  it("a mirror whose address leads nowhere is left after its connect timeout", async () => {
    // TEST-NET-1 (RFC 5737).
    const client = { registry: "192.0.2.1", endpoint: "http://192.0.2.1/v2", limits: IMPATIENT };
    await at.pull([{ client, capabilities: new Set(["pull", "resolve"]) }, at.asOrigin(origin)]);
    at.isWhole();
  });

  /** What a mirror does to the big layer after it has sent its headers. */
  const bodies: Record<string, Misdeed> = {
    "hangs in the middle": (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(big).length });
      return response.write(bytesOf(big).subarray(0, 1000));
    },
    "breaks off in the middle": (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(big).length });
      return response.write(bytesOf(big).subarray(0, 1000), () => response.destroy());
    },
    "gives one byte for each connection": (request, response) => {
      const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
      const left = bytesOf(big).subarray(start);
      const range = `bytes ${String(start)}-${String(bytesOf(big).length - 1)}/${String(bytesOf(big).length)}`;
      response.writeHead(start > 0 ? 206 : 200, { "content-length": left.length, "content-range": range });
      return response.write(left.subarray(0, 1), () => response.destroy());
    },
    "sends other bytes": (_, response) => {
      const wrong = Buffer.from(bytesOf(big));
      wrong.writeUInt8(wrong.readUInt8(wrong.length - 6) ^ 1, wrong.length - 6);
      return response.end(wrong);
    },
    "sends zeros": (_, response) => response.end(Buffer.alloc(bytesOf(big).length)),
    "sends another layer": (_, response) => response.end(bytesOf(image.layers[0]?.digest as Digest)),
    "sends too much": (_, response) => response.end(Buffer.concat([bytesOf(big), Buffer.alloc(1000)])),
    "sends less, and says that it is all": (_, response) => response.end(bytesOf(big).subarray(0, 2000)),
    "sends nothing": (_, response) => response.end(),
    "sends wrong bytes and breaks off": (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(big).length });
      // A gzip header that is right, so that the lie is found late.
      const wrong = Buffer.concat([bytesOf(big).subarray(0, 10), Buffer.alloc(990, 0x55)]);
      return response.write(wrong, () => response.destroy());
    },
  };
  for (const [name, misdeed] of Object.entries(bodies)) {
    it(`a mirror that ${name} costs a moment and no wrong byte`, async () => {
      mirror.script = async (request, response) => {
        if (request.url?.includes(big) !== true) return false;
        await misdeed(request, response);
        return true;
      };
      await at.pullImpatiently();
      at.isWhole();
      assert.ok(asked(mirror, big).length <= 1, "it is not asked for this layer again");
    });
  }

  it("a layer that a mirror has begun is gone on with, not begun again", async () => {
    const ranges: (string | undefined)[] = [];
    mirror.script = (request, response) => {
      if (request.url?.includes(big) !== true) return false;
      response.writeHead(200, { "content-length": bytesOf(big).length });
      response.write(bytesOf(big).subarray(0, 1000), () => response.destroy());
      return true;
    };
    origin.script = (request) => {
      if (request.url?.includes(big) === true) ranges.push(request.headers.range);
      return false;
    };
    await at.pull();
    at.isWhole();
    assert.deepEqual(ranges, ["bytes=1000-"]);
  });

  it("bytes that came before the end of a connection count, though they are not taken yet", async () => {
    const bytes = bytesOf(big);
    const ranges: (string | undefined)[] = [];
    const written: Uint8Array[] = [];
    mirror.script = (request, response) => {
      if (request.url?.includes(big) !== true) return false;
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1000), () => response.destroy());
      return true;
    };
    let askOrigin = (): void => undefined;
    const originIsAsked = new Promise<void>((resolve) => (askOrigin = resolve));
    origin.script = (request) => {
      if (request.url?.includes(big) !== true) return false;
      ranges.push(request.headers.range);
      askOrigin();
      return false;
    };
    const registry = new RegistryWithMirrors([at.asMirror(mirror), at.asOrigin(origin)], { headStarts: PATIENT });
    const write = async (chunk: Uint8Array): Promise<void> => {
      written.push(Buffer.from(chunk));
      await originIsAsked;
    };
    try {
      const blob = { mediaType: MediaType.ociLayerGzip, digest: big, size: bytes.length };
      await registry.pour("team/app", blob, write, new AbortController().signal);
    } finally {
      await registry.close();
    }
    assert.deepEqual(ranges, ["bytes=1000-"]);
    assert.deepEqual(Buffer.concat(written), Buffer.from(bytes));
  });

  it("a mirror that has lied once is asked for nothing more", async () => {
    image = await smallImage(Array.from({ length: 6 }, (_, i) => [{ name: `f${String(i)}`, content: "x".repeat(i) }]));
    at.image = mirror.image = origin.image = image;
    mirror.script = (request, response) => {
      if (request.url?.includes("/blobs/") !== true) return false;
      const digest = (request.url.split("/").at(-1) ?? "").replace(/\?.*/, "") as Digest;
      response.end(Buffer.alloc(bytesOf(digest).length));
      return true;
    };
    await at.pull();
    at.isWhole();
    assert.equal(asked(mirror, "/blobs/").length, 1, "the config was the first lie");
    assert.ok(
      notes.some((note) => note.startsWith("left the mirror")),
      notes.join("\n"),
    );
  });

  it("lies of two mirrors and half a lie each are seen through", async () => {
    const lie: Misdeed = (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(big).length });
      return response.write(
        bytesOf(big)
          .map((byte, i) => (i > 20 ? byte ^ 1 : byte))
          .subarray(0, 3000),
        () => response.destroy(),
      );
    };
    for (const liar of [mirror, second]) {
      liar.script = async (request, response) => {
        if (request.url?.includes(big) !== true) return false;
        await lie(request, response);
        return true;
      };
    }
    await at.pull([at.asMirror(mirror), at.asMirror(second), at.asOrigin(origin)]);
    at.isWhole();
  });

  it("a bad layer is refused though mirrors and registry agree on it", async () => {
    image = imageOfTars([Buffer.alloc(4096, "not a tar")]);
    at.image = mirror.image = origin.image = image;
    await assert.rejects(at.pull(), { code: "LAYER_INVALID" });
    assert.deepEqual([...state.files(), ...state.directories()], []);
  });
});
