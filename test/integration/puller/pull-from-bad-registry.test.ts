import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { parseReference } from "../../../oci/reference.js";
import { pullImage, type PullOptions } from "../../../puller/pull/pull-image.js";
import { asRoot, describeWith } from "../../helpers/capabilities.js";
import { runProgram } from "../../helpers/child-process.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { imageOfTars, json, sha256, smallImage, tarOf, type SmallImage } from "../../helpers/small-image.js";
import { StateRoot } from "../../helpers/state-root.js";
import { waitUntil } from "../../helpers/wait-until.js";

const limits = { attempts: 3, baseDelay: 5, maximumDelay: 10 };

/** The tests' own time limit comes before its own. */
const PATIENT = { ...limits, lowSpeedTime: 3_600_000, idleTimeout: 3_600_000 };

/** Until the client has taken what was written, or has gone. */
const taken = (response: ServerResponse): Promise<unknown> =>
  Promise.race(["drain", "close"].map((event) => new Promise((resolve) => response.once(event, resolve))));

describe("a pull from a registry that misbehaves", () => {
  let registry: ScriptedRegistry;
  let state: StateRoot;
  let image: SmallImage;
  let layer: Digest;

  before(async () => {
    const random = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
    image = await smallImage([
      [{ name: "base", content: "1" }],
      [
        { name: "big", content: random },
        { name: "etc/", type: "directory" },
      ],
    ]);
    layer = image.layers[1]?.digest as Digest;
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

  const pull = (options: PullOptions = {}): Promise<unknown> => {
    const client = { limits, ...options.client };
    return pullImage(state.root, parseReference(`${registry.address}/app:1`), { ...options, client });
  };
  const onBlob = (digest: Digest, answer: (request: IncomingMessage, response: ServerResponse) => unknown): void => {
    registry.script = async (request, response) => {
      if (request.url !== `/v2/app/blobs/${digest}`) return false;
      return (await answer(request, response)) !== false;
    };
  };
  const bytesOf = (digest: Digest): Uint8Array => image.blobs.get(digest) ?? new Uint8Array();
  const refuses = async (code: string, options?: PullOptions): Promise<void> => {
    await assert.rejects(pull(options), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
    nothingLeft();
  };
  /** But for layers that were whole, under the names of their digests. */
  const nothingLeft = (): void => {
    const kept = new Set(image.layers.map(({ digest }) => `content/kept/${digest.slice("sha256:".length)}`));
    for (const path of state.files().filter((name) => kept.has(name))) {
      assert.ok(path.endsWith(sha256(readFileSync(join(state.root, path))).slice("sha256:".length)));
    }
    assert.deepEqual([...state.files().filter((name) => !kept.has(name)), ...state.directories()], []);
  };

  it("is the image, when it behaves", async () => {
    await pull();
    assert.equal(registry.requests.filter((line) => line.includes("/blobs/")).length, 3);
  });

  it("wrong bytes for a layer leave nothing", async () => {
    const wrong = Buffer.from(bytesOf(layer));
    wrong.writeUInt8(wrong.readUInt8(wrong.length - 5) ^ 1, wrong.length - 5);
    onBlob(layer, (_, response) => response.end(wrong));
    await assert.rejects(pull(), (error: Error & { code?: string }) =>
      ["DIGEST_INVALID", "LAYER_INVALID"].includes(error.code ?? ""),
    );
    nothingLeft();
  });

  it("another layer's bytes leave nothing", async () => {
    onBlob(layer, (_, response) => response.end(bytesOf(image.layers[0]?.digest as Digest)));
    await refuses("SIZE_INVALID");
  });

  it("wrong bytes for the config leave nothing", async () => {
    const wrong = Buffer.from(bytesOf(image.config).map((byte) => (byte === 0x32 ? 0x33 : byte)));
    onBlob(image.config, (_, response) => response.end(wrong));
    await refuses("DIGEST_INVALID");
  });

  it("wrong bytes for the manifest leave nothing", async () => {
    registry.script = (request, response) => {
      if (!request.url?.includes(image.manifest)) return false;
      response.writeHead(200, { "content-type": MediaType.ociManifest }).end(json({ schemaVersion: 2 }));
      return true;
    };
    await refuses("DIGEST_INVALID");
  });

  it("more bytes than the manifest says are refused before they are all there", async () => {
    let sent = 0;
    onBlob(layer, async (_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      while (!response.destroyed && sent < 100 << 20) {
        sent += chunk.length;
        if (!response.write(chunk)) await taken(response);
      }
      response.end();
    });
    await assert.rejects(pull());
    assert.ok(sent < 50 << 20, String(sent));
    nothingLeft();
  });

  it("a body that is cut off is fetched on from where it broke", async () => {
    const ranges: (string | undefined)[] = [];
    onBlob(layer, (request, response) => {
      ranges.push(request.headers.range);
      if (ranges.length > 1) return false;
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      response.write(bytesOf(layer).subarray(0, 100), () => response.destroy());
      return true;
    });
    await pull();
    assert.deepEqual(ranges, [undefined, "bytes=100-"]);
  });

  it("a server that knows no ranges is read from the beginning without harm", async () => {
    let calls = 0;
    onBlob(layer, (_, response) => {
      calls++;
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      if (calls > 1) return response.end(bytesOf(layer));
      return response.write(bytesOf(layer).subarray(0, 100), () => response.destroy());
    });
    await pull();
    assert.equal(calls, 2);
  });

  it("a body that is cut off again and again at the same place fails, and leaves nothing", async () => {
    let calls = 0;
    onBlob(layer, (request, response) => {
      calls++;
      if (request.headers.range !== undefined) return response.destroy();
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      return response.write(bytesOf(layer).subarray(0, 100), () => response.destroy());
    });
    await refuses("NETWORK");
    assert.ok(calls >= 3 && calls <= 5, String(calls));
  });

  it("a body that ends early though the server counts it whole fails at once", async () => {
    let calls = 0;
    onBlob(layer, (_, response) => {
      calls++;
      response.end(bytesOf(layer).subarray(0, 100));
    });
    await refuses("SIZE_INVALID");
    assert.ok(calls <= 3, String(calls));
  });

  it("an answer of another range than the one asked for is refused", async () => {
    let calls = 0;
    onBlob(layer, (_, response) => {
      calls++;
      const { length } = bytesOf(layer);
      if (calls === 1) {
        response.writeHead(200, { "content-length": length });
        return response.write(bytesOf(layer).subarray(0, 100), () => response.destroy());
      }
      response.writeHead(206, { "content-range": `bytes 50-${String(length - 1)}/${String(length)}` });
      return response.end(bytesOf(layer).subarray(50));
    });
    await refuses("UPSTREAM");
  });

  it("401 without end is asked twice and no more", async () => {
    registry.script = (request, response) => {
      if (request.url === "/v2/") return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      return true;
    };
    await refuses("UNAUTHORIZED", { client: { credentials: { username: "me", password: "wrong" } } });
    assert.ok(registry.requests.length <= 3, registry.requests.join("\n"));
  });

  it("redirects without end are left", async () => {
    onBlob(layer, (request, response) => response.writeHead(307, { location: request.url }).end());
    await refuses("UPSTREAM");
  });

  it("a failing layer stops the others", async () => {
    const [first, second] = image.layers.map(({ digest }) => digest);
    let [begun, stopped] = [false, false];
    registry.script = async (request, response) => {
      if (request.url?.endsWith(String(first)) === true) {
        await waitUntil("the other layer is on its way", () => begun);
        response.writeHead(404).end();
        return true;
      }
      if (request.url?.endsWith(String(second)) !== true) return false;
      response.on("close", () => (stopped = true));
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      response.write(bytesOf(layer).subarray(0, 10));
      begun = true;
      return true;
    };
    await refuses("BLOB_UNKNOWN", { client: { limits: PATIENT } });
    await waitUntil("the other layer is stopped", () => stopped);
  });

  it("is cancelled by its signal and leaves nothing", async () => {
    const controller = new AbortController();
    onBlob(layer, (_, response) => {
      response.writeHead(200, { "content-length": bytesOf(layer).length });
      response.write(bytesOf(layer).subarray(0, 1000));
      setImmediate(() => {
        controller.abort();
      });
    });
    await refuses("ABORTED", { signal: controller.signal });
  });

  it("a registry that does not let manifests be asked for with HEAD is asked with GET", async () => {
    for (const status of [400, 403, 405]) {
      registry.script = (request, response) => {
        if (request.method !== "HEAD" || !request.url?.includes("/manifests/")) return false;
        response.writeHead(status).end();
        return true;
      };
      await pull();
    }
  });

  it("an unknown tag is named", async () => {
    registry.image = undefined;
    await refuses("MANIFEST_UNKNOWN");
  });

  it("an index without this platform says which it has", async () => {
    const child = image.blobs.get(image.manifest);
    const index = json({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [
        {
          mediaType: MediaType.ociManifest,
          digest: image.manifest,
          size: child?.byteLength,
          platform: { os: "linux", architecture: "s390x" },
        },
      ],
    });
    registry.image = { ...image, manifest: sha256(index), blobs: new Map([...image.blobs, [sha256(index), index]]) };
    await assert.rejects(pull(), /linux\/s390x/);
    await refuses("PLATFORM_UNKNOWN");
  });

  it("a manifest that lies about a DiffID leaves nothing", async () => {
    const config = JSON.parse(Buffer.from(bytesOf(image.config)).toString()) as { rootfs: { diff_ids: string[] } };
    config.rootfs.diff_ids[1] = `sha256:${"0".repeat(64)}`;
    const lie = json(config);
    const manifest = JSON.parse(Buffer.from(bytesOf(image.manifest)).toString()) as {
      config: { digest: string; size: number };
    };
    manifest.config = { ...manifest.config, digest: sha256(lie), size: lie.byteLength };
    const root = json(manifest);
    registry.image = {
      ...image,
      manifest: sha256(root),
      blobs: new Map([...image.blobs, [sha256(root), root], [sha256(lie), lie]]),
    };
    await refuses("DIGEST_INVALID");
  });

  it("a layer that breaks the rules of whiteouts leaves nothing, nor does one that is no tar", async () => {
    const [bottom] = image.layers;
    for (const tar of [await tarOf([{ name: "d/.wh..." }]), Buffer.alloc(4096, "not a tar")]) {
      registry.image = imageOfTars([bottom?.tar ?? tar, tar]);
      await refuses("LAYER_INVALID");
    }
  });

  it("what a layer writes through a link of its own stays in the layer", async () => {
    const outside = join(state.directory, "outside");
    mkdirSync(outside);
    const attack = [
      { name: "link", type: "symlink", linkname: outside },
      { name: "link/evil", content: "x" },
      { name: "../../evil", content: "x" },
    ] as const;
    for (const entry of attack.slice(1)) {
      registry.image = await smallImage([[attack[0], entry]]);
      await pull().catch(() => undefined);
    }
    assert.deepEqual(readdirSync(outside), []);
    assert.deepEqual(readdirSync(state.directory).sort(), ["outside", "root"]);
    const store = readdirSync(join(state.root, "overlay2"));
    assert.ok(!store.includes("evil"), store.join());
  });

  describeWith([asRoot], "on a disk that fills up", () => {
    it("says so and leaves nothing", async () => {
      mkdirSync(state.root);
      await runProgram("mount", ["-t", "tmpfs", "-o", "size=200k", "berth-test", state.root]);
      try {
        await refuses("NO_SPACE");
      } finally {
        await runProgram("umount", [state.root]);
      }
    });
  });

  it("a layer over the limits leaves nothing", async () => {
    await refuses("TOO_LARGE", { limits: { maxUncompressedBytes: 10_000 } });
    await refuses("TOO_LARGE", { limits: { maxEntries: 1 } });
  });
});
