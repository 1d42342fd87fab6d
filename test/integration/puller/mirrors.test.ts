import assert from "node:assert/strict";

import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { parseReference } from "../../../oci/reference.js";
import { pullImage } from "../../../puller/pull/pull-image.js";
import { pushSource } from "../../../puller/push/push-source.js";
import type { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { json, sha256, type SmallImage } from "../../helpers/small-image.js";
import { asked, MirroredPull, PATIENT } from "./support/mirrored-pull.js";

describe("a pull through mirrors", () => {
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

  it("takes all from the first mirror, which is told for whom it answers", async () => {
    await at.pull();
    at.isWhole();
    assert.deepEqual(origin.requests, []);
    const calls = asked(mirror, "/team/app/");
    assert.ok(calls.length >= 5 && calls.every((line) => line.endsWith("?ns=reg.example")), calls.join("\n"));
    assert.ok(notes.includes(`${big} from http://${mirror.address}`), notes.join("\n"));
  });

  it("asks the next mirror before the registry", async () => {
    mirror.image = undefined;
    await at.pull([at.asMirror(mirror), at.asMirror(second), at.asOrigin(origin)]);
    at.isWhole();
    assert.deepEqual(origin.requests, []);
  });

  it("a mirror that may not resolve is asked for nothing by tag", async () => {
    await at.pull([at.asMirror(mirror, ["pull"]), at.asOrigin(origin)]);
    at.isWhole();
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
    await at.pull();
    at.isWhole();
    assert.deepEqual(asked(origin, "/blobs/"), [`GET /v2/team/app/blobs/${big}`]);
    assert.equal(asked(mirror, "/blobs/").length, 3);
  });

  it("when nobody can help, the registry's answer is told, and what the mirrors said", async () => {
    mirror.script = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    origin.image = undefined;
    await assert.rejects(at.pull(), (error: Error & { code?: string }) => {
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
      hosts: [at.asMirror(mirror), at.asOrigin(origin)],
      headStarts: PATIENT,
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
    const host = at.asMirror(mirror);
    await at.pull([{ ...host, client: { ...host.client, headers: { "x-key": "k" } } }, at.asOrigin(origin)]);
    assert.ok(seen["mirror"]?.every((value) => value === "k"));
    assert.deepEqual(seen["second"], [undefined, undefined, undefined]);
  });

  it("credentials are asked for once, and only when a server wants to know", async () => {
    let loaded = 0;
    const credentials = (): Promise<{ username: string; password: string }> => {
      loaded++;
      return Promise.resolve({ username: "me", password: "s3cret" });
    };
    const host = at.asMirror(mirror);
    const hosts = [{ ...host, client: { ...host.client, credentials } }, at.asOrigin(origin)];
    await at.pull(hosts);
    assert.equal(loaded, 0);
    mirror.script = (request, response) => {
      if (request.headers.authorization !== undefined) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      return true;
    };
    await at.pull(hosts, "reg.example/team/other:1");
    assert.equal(loaded, 1);
    assert.deepEqual(origin.requests, []);
  });

  it("a push goes past mirrors that do not take pushes", async () => {
    await at.pull();
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
    await pushSource(state.root, "reg.example/team/app:1", target, {
      hosts: [at.asMirror(mirror), at.asOrigin(origin)],
    });
    assert.deepEqual([...new Set(pushed)], ["origin"]);
    assert.deepEqual(mirror.requests, []);
    const taking = at.asMirror(second, ["pull", "push"]);
    await pushSource(state.root, "reg.example/team/app:1", target, {
      hosts: [at.asMirror(mirror), taking, at.asOrigin(origin)],
    });
    assert.deepEqual([...new Set(pushed)], ["origin", "second"]);
    const hosts = [at.asMirror(mirror)];
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
      hosts: [at.asMirror(mirror), at.asOrigin(origin)],
      headStarts: PATIENT,
      platform,
    });
    at.isWhole();
    assert.equal(asked(mirror, "/manifests/1").length, 1);
    assert.deepEqual(asked(origin, "/manifests/1"), []);
  });
});
