import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { parseReference } from "../../../oci/reference.js";
import type { Capability, RegistryHost } from "../../../puller/hosts/registry-host.js";
import { openLocalStore } from "../../../puller/index.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { pushSource } from "../../../puller/push/push-source.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { imageOfTars, json, sha256, smallImage, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";

// For mirrors that hang; a busy machine must not take an honest one for such.
const IMPATIENT = {
  connectTimeout: 300,
  pingTimeout: 300,
  headersTimeout: 300,
  idleTimeout: 300,
  lowSpeedTime: 300,
};

type Misdeed = (request: IncomingMessage, response: ServerResponse) => unknown;

describe("a pull through mirrors", () => {
  let mirror: ScriptedRegistry;
  let second: ScriptedRegistry;
  let origin: ScriptedRegistry;
  let state: StateRoot;
  let made: SmallImage;
  let image: SmallImage;
  let big: Digest;
  let notes: string[];

  before(async () => {
    const noise = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * i * 7919) % 251));
    made = await smallImage([[{ name: "base", content: "1" }], [{ name: "big", content: noise }]]);
    big = made.layers[1]?.digest as Digest;
  });
  beforeEach(async () => {
    notes = [];
    state = new StateRoot();
    [mirror, second, origin] = (await Promise.all([1, 2, 3].map(() => new ScriptedRegistry().start()))) as [
      ScriptedRegistry,
      ScriptedRegistry,
      ScriptedRegistry,
    ];
    mirror.image = second.image = origin.image = image = made;
  });
  afterEach(async () => {
    await Promise.all([mirror, second, origin].map((registry) => registry.stop()));
    await state.remove();
  });

  const asMirror = (
    { address }: ScriptedRegistry,
    capabilities: Capability[] = ["pull", "resolve"],
    times: Partial<typeof IMPATIENT> = {},
  ): RegistryHost => ({
    client: {
      registry: address,
      endpoint: `http://${address}/v2`,
      namespace: "reg.example",
      limits: { attempts: 1, baseDelay: 5, longestRetryAfter: 0, ...times },
    },
    capabilities: new Set(capabilities),
  });
  const asOrigin = ({ address }: ScriptedRegistry): RegistryHost => ({
    client: { registry: address, limits: { attempts: 2, baseDelay: 5 } },
    capabilities: new Set(["pull", "resolve", "push"]),
  });
  const pull = (
    hosts = [asMirror(mirror), asOrigin(origin)],
    name = "reg.example/team/app:1",
  ): Promise<{ id: string }> =>
    pullImage(state.root, parseReference(name), { hosts, onNote: (note) => notes.push(note) });
  const pullPast = (bad: ScriptedRegistry): Promise<{ id: string }> =>
    pull([asMirror(bad, ["pull", "resolve"], IMPATIENT), asOrigin(origin)]);
  const asked = (registry: ScriptedRegistry, what: string): string[] =>
    registry.requests.filter((line) => line.includes(what));
  /** The right bytes, layer by layer: their digests have been checked, and nothing else is in the store. */
  const isWhole = (): void => {
    const store = openLocalStore(state.root);
    const found = store.images.find("reg.example/team/app:1");
    assert.equal(found.id, image.config);
    for (const { digest } of image.layers)
      assert.equal(store.content.size(digest), image.blobs.get(digest)?.byteLength);
    assert.deepEqual(state.directories().length, image.layers.length);
  };
  const bytesOf = (digest: Digest): Uint8Array => image.blobs.get(digest) ?? new Uint8Array();

  it("takes all from the first mirror, which is told for whom it answers", async () => {
    await pull();
    isWhole();
    assert.deepEqual(origin.requests, []);
    const calls = asked(mirror, "/team/app/");
    assert.ok(calls.length >= 5 && calls.every((line) => line.endsWith("?ns=reg.example")), calls.join("\n"));
    assert.ok(notes.includes(`${big} from http://${mirror.address}`), notes.join("\n"));
  });

  it("asks the next mirror before the registry", async () => {
    mirror.image = undefined;
    await pull([asMirror(mirror), asMirror(second), asOrigin(origin)]);
    isWhole();
    assert.deepEqual(origin.requests, []);
  });

  it("a mirror that may not resolve is asked for nothing by tag", async () => {
    await pull([asMirror(mirror, ["pull"]), asOrigin(origin)]);
    isWhole();
    assert.deepEqual(asked(mirror, "/manifests/1"), []);
    assert.equal(asked(mirror, "/blobs/").length, 3);
    assert.equal(asked(origin, "/blobs/").length, 0);
  });

  it("a mirror that lacks one layer is asked for the others", async () => {
    mirror.script = (request, response) => {
      if (request.url?.includes(big) !== true) return false;
      response.writeHead(404).end();
      return true;
    };
    await pull();
    isWhole();
    assert.deepEqual(asked(origin, "/blobs/"), [`GET /v2/team/app/blobs/${big}`]);
    assert.equal(asked(mirror, "/blobs/").length, 3);
  });

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
        await pullPast(mirror);
        isWhole();
        // It is not asked about every layer anew: at most those that were on their way.
        assert.ok(mirror.requests.length <= 16, mirror.requests.join("\n"));
      });
    }
  }

  it("a mirror where nobody listens costs a moment", async () => {
    await mirror.stop();
    const gone = asMirror(mirror);
    mirror = await new ScriptedRegistry().start();
    await pull([gone, asOrigin(origin)]);
    isWhole();
  });

  it("a mirror whose address leads nowhere is left after its connect timeout", async () => {
    // TEST-NET-1 (RFC 5737).
    const client = { registry: "192.0.2.1", endpoint: "http://192.0.2.1/v2", limits: IMPATIENT };
    await pull([{ client, capabilities: new Set(["pull", "resolve"]) }, asOrigin(origin)]);
    isWhole();
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
      await pullPast(mirror);
      isWhole();
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
    await pull();
    isWhole();
    assert.deepEqual(ranges, ["bytes=1000-"]);
  });

  it("a mirror that has lied once is asked for nothing more", async () => {
    image = await smallImage(Array.from({ length: 6 }, (_, i) => [{ name: `f${String(i)}`, content: "x".repeat(i) }]));
    mirror.image = origin.image = image;
    mirror.script = (request, response) => {
      if (request.url?.includes("/blobs/") !== true) return false;
      const digest = (request.url.split("/").at(-1) ?? "").replace(/\?.*/, "") as Digest;
      response.end(Buffer.alloc(bytesOf(digest).length));
      return true;
    };
    await pull();
    isWhole();
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
    await pull([asMirror(mirror), asMirror(second), asOrigin(origin)]);
    isWhole();
  });

  it("a bad layer is refused though mirrors and registry agree on it", async () => {
    image = imageOfTars([Buffer.alloc(4096, "not a tar")]);
    mirror.image = origin.image = image;
    await assert.rejects(pull(), { code: "LAYER_INVALID" });
    assert.deepEqual([...state.files(), ...state.directories()], []);
  });

  it("when nobody can help, the registry's answer is told, and what the mirrors said", async () => {
    mirror.script = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    origin.image = undefined;
    await assert.rejects(pull(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "MANIFEST_UNKNOWN");
      assert.match(error.message, /not found.*\(the mirror http:\/\/127\.0\.0\.1:\d+: .*403/);
      return true;
    });
  });

  it("is cancelled while a mirror hangs", async () => {
    const stop = new AbortController();
    mirror.script = () => {
      stop.abort();
      return true;
    };
    const pulling = pullImage(state.root, parseReference("reg.example/team/app:1"), {
      hosts: [asMirror(mirror), asOrigin(origin)],
      signal: stop.signal,
    });
    await assert.rejects(pulling, { code: "ABORTED" });
    assert.deepEqual(origin.requests, []);
  });

  it("a mirror's own headers go to it and not to where it redirects", async () => {
    const seen: Record<string, (string | undefined)[]> = { mirror: [], second: [] };
    mirror.script = (request, response) => {
      seen["mirror"]?.push(String(request.headers["x-key"]));
      if (request.url?.includes("/blobs/") !== true) return false;
      response.writeHead(307, { location: `http://${second.address}${request.url}` }).end();
      return true;
    };
    second.script = (request) => {
      seen["second"]?.push(request.headers["x-key"] as string | undefined);
      return false;
    };
    const host = asMirror(mirror);
    await pull([{ ...host, client: { ...host.client, headers: { "x-key": "k" } } }, asOrigin(origin)]);
    assert.ok(seen["mirror"]?.every((value) => value === "k"));
    assert.deepEqual(seen["second"], [undefined, undefined, undefined]);
  });

  it("credentials are asked for once, and only when a server wants to know", async () => {
    let loaded = 0;
    const credentials = (): Promise<{ username: string; password: string }> => {
      loaded++;
      return Promise.resolve({ username: "me", password: "s3cret" });
    };
    const host = asMirror(mirror);
    const hosts = [{ ...host, client: { ...host.client, credentials } }, asOrigin(origin)];
    await pull(hosts);
    assert.equal(loaded, 0);
    mirror.script = (request, response) => {
      if (request.headers.authorization !== undefined) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      return true;
    };
    await pull(hosts, "reg.example/team/other:1");
    assert.equal(loaded, 1);
    assert.deepEqual(origin.requests, []);
  });

  it("a push goes past mirrors that do not take pushes", async () => {
    await pull();
    mirror.requests.length = 0;
    const pushed: string[] = [];
    for (const taker of [origin, second]) {
      taker.script = (request, response) => {
        if (request.method === "HEAD") return false;
        pushed.push(taker === origin ? "origin" : "second");
        response.writeHead(201).end();
        return true;
      };
    }
    const target = parseReference("reg.example/team/app:1");
    await pushSource(state.root, "reg.example/team/app:1", target, { hosts: [asMirror(mirror), asOrigin(origin)] });
    assert.deepEqual([...new Set(pushed)], ["origin"]);
    assert.deepEqual(mirror.requests, []);
    const taking = asMirror(second, ["pull", "push"]);
    await pushSource(state.root, "reg.example/team/app:1", target, {
      hosts: [asMirror(mirror), taking, asOrigin(origin)],
    });
    assert.deepEqual([...new Set(pushed)], ["origin", "second"]);
    const hosts = [asMirror(mirror)];
    await assert.rejects(pushSource(state.root, "reg.example/team/app:1", target, { hosts }), { code: "UNSUPPORTED" });
  });

  it("an index's manifests are taken from whoever has them", async () => {
    const child = image.blobs.get(image.manifest) as Uint8Array;
    const platform = { os: "linux", architecture: "amd64" };
    const index = json({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [{ mediaType: MediaType.ociManifest, digest: image.manifest, size: child.byteLength, platform }],
    });
    const root = sha256(index);
    mirror.image = { ...image, manifest: root, blobs: new Map([[root, index]]) };
    await pullImage(state.root, parseReference("reg.example/team/app:1"), {
      hosts: [asMirror(mirror), asOrigin(origin)],
      platform,
    });
    isWhole();
    assert.equal(asked(mirror, "/manifests/1").length, 1);
    assert.deepEqual(asked(origin, "/manifests/1"), []);
  });
});
