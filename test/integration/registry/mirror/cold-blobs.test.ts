import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage, type ServerResponse } from "node:http";

import { waitUntil } from "../../../helpers/wait-until.js";
import { bytesOf } from "../support/content.js";
import { MirrorRig } from "./support/mirror-rig.js";

const CLIENTS = 200;

/** What a client gets who reads until the connection ends, and whether the answer was whole. */
async function receive(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  const asking = request(url, { headers }).end();
  try {
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("error", () => undefined);
    await new Promise((resolve) => answer.once("close", resolve));
    return { bytes: Buffer.concat(chunks), isWhole: answer.complete };
  } catch {
    return { bytes: Buffer.concat(chunks), isWhole: false };
  }
}

describe("a mirror's cold blobs", () => {
  let rig: MirrorRig;

  const start = async (size = 3_000_000, upstream: object = {}): Promise<void> => {
    rig = await MirrorRig.start({ layer: randomBytes(size), upstream });
  };

  /** What the store holds of the layer, and what of unfinished transfers. */
  const leftovers = (): string[] => [...rig.mirror.files("data"), ...rig.mirror.files(".staging")];

  const half = (): number => Math.floor(rig.layerBytes.length / 2);

  /** Lets the upstream send half of the layer. @returns what makes it send the rest, once it has sent the first half */
  const sendHalf = (): (() => Promise<void>) => {
    const sent = new Promise<ServerResponse>((resolve) => {
      sendPart(half(), resolve);
    });
    return async () => {
      (await sent).end(rig.layerBytes.subarray(half()));
    };
  };

  /** Lets the upstream send `count` bytes of the layer and then run `then`. */
  const sendPart = (count: number, then: (response: ServerResponse) => void): void => {
    let isFirst = true;
    rig.upstream.script = ({ url = "", method }, response) => {
      if (method !== "GET" || !url.endsWith(rig.layer) || !isFirst) return false;
      isFirst = false;
      response.writeHead(200, { "content-length": rig.layerBytes.length });
      response.write(rig.layerBytes.subarray(0, count), () => {
        then(response);
      });
      return true;
    };
  };

  afterEach(async () => {
    await rig.stop();
  });

  it("cost one GET however many clients ask at once, and each gets the right bytes", async () => {
    await start(500_000);
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, async () => await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath))),
    );
    assert.equal(answers.filter((bytes) => bytes.equals(rig.layerBytes)).length, CLIENTS);
    assert.equal(rig.count("GET", rig.layer), 1);
  });

  it("reach the client while they are fetched, up to the last byte", async () => {
    await start();
    const resume = sendHalf();
    const answer = await rig.mirror.expect(200, "GET", rig.layerPath);
    const reader = answer.body?.getReader() ?? assert.fail();
    let received = 0;
    while (received < half()) received += (await reader.read()).value?.length ?? assert.fail("it ended");
    assert.equal(received, half());
    await resume();
    for (let part = await reader.read(); !part.done; part = await reader.read()) received += part.value.length;
    assert.equal(received, rig.layerBytes.length);
  });

  it("are served part by part while they are fetched, and a part is whole only once all was verified", async () => {
    await start();
    const resume = sendHalf();
    const answer = await rig.mirror.expect(206, "GET", rig.layerPath, { headers: { Range: "bytes=10-99" } });
    assert.equal(answer.headers.get("Content-Range"), `bytes 10-99/${String(rig.layerBytes.length)}`);
    const reader = answer.body?.getReader() ?? assert.fail();
    let received = 0;
    while (received < 89) received += (await reader.read()).value?.length ?? assert.fail("it ended");
    assert.equal(received, 89);
    await resume();
    assert.equal((await reader.read()).value?.length, 1);
    assert.equal((await reader.read()).done, true);
  });

  it("are fetched to their end when the client goes away", async () => {
    await start();
    const resume = sendHalf();
    const leaving = new AbortController();
    const answer = await rig.mirror.expect(200, "GET", rig.layerPath, { signal: leaving.signal });
    leaving.abort();
    await assert.rejects(answer.arrayBuffer());
    await resume();
    await rig.untilKept();
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    assert.equal(rig.count("GET", rig.layer), 1);
  });

  it("do not wait for a client that does not read", async () => {
    await start(16_000_000);
    const slow = request(new URL(rig.layerPath, rig.mirror.url)).end();
    const [stalled] = (await once(slow, "response")) as [IncomingMessage];
    stalled.pause();
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    const rest: Buffer[] = [];
    stalled.on("data", (chunk: Buffer) => rest.push(chunk)).resume();
    await once(stalled, "end");
    assert.equal(Buffer.concat(rest).equals(rig.layerBytes), true);
    assert.equal(rig.count("GET", rig.layer), 1);
  });

  for (const [what, range] of [
    ["the whole", {}],
    ["a part", { Range: "bytes=0-9" }],
  ] as const) {
    it(`with a wrong byte end short for clients that want ${what}, and are not kept`, async () => {
      await start();
      rig.upstream.script = ({ url = "", method }, response) => {
        if (method !== "GET" || !url.endsWith(rig.layer)) return false;
        const wrong = Buffer.from(rig.layerBytes);
        wrong[1000] = (wrong[1000] ?? 0) ^ 1;
        response.writeHead(200, { "content-length": wrong.length }).end(wrong);
        return true;
      };
      const answers = await Promise.all(
        Array.from({ length: 10 }, async () => await receive(`${rig.mirror.url}${rig.layerPath}`, range)),
      );
      assert.deepEqual(
        answers.filter(({ isWhole }) => isWhole),
        [],
      );
      await waitUntil("nothing is left", () => leftovers().length === 0);
      rig.upstream.script = () => false;
      assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    });
  }

  it("of unknown length are served, and cut when they are wrong", async () => {
    await start();
    let flip = 0;
    rig.upstream.script = ({ url = "", method }, response) => {
      if (method !== "GET" || !url.endsWith(rig.layer)) return false;
      const bytes = Buffer.from(rig.layerBytes);
      bytes[5] = (bytes[5] ?? 0) ^ flip;
      response.writeHead(200, { "transfer-encoding": "chunked" }).end(bytes);
      return true;
    };
    flip = 1;
    assert.equal((await receive(`${rig.mirror.url}${rig.layerPath}`)).isWhole, false);
    await waitUntil("nothing is left", () => leftovers().length === 0);
    flip = 0;
    const { bytes, isWhole } = await receive(`${rig.mirror.url}${rig.layerPath}`);
    assert.equal(isWhole, true);
    assert.equal(bytes.equals(rig.layerBytes), true);
  });

  it("that break off are fetched on from there", async () => {
    await start();
    sendPart(half(), (response) => response.destroy());
    const ranges: string[] = [];
    const { script } = rig.upstream;
    rig.upstream.script = (asked, response) => {
      if (asked.url?.endsWith(rig.layer)) ranges.push(asked.headers.range ?? "");
      return script(asked, response);
    };
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    assert.match(ranges.join(" "), /^ bytes=[1-9]\d*-$/);
  });

  it("that break off for good leave nothing", async () => {
    await start();
    rig.upstream.script = ({ url = "", method }, response) => {
      if (method !== "GET" || !url.endsWith(rig.layer)) return false;
      response.writeHead(200, { "content-length": rig.layerBytes.length });
      response.write(rig.layerBytes.subarray(0, 1000), () => response.destroy());
      return true;
    };
    assert.equal((await receive(`${rig.mirror.url}${rig.layerPath}`)).isWhole, false);
    await waitUntil("nothing is left", () => leftovers().length === 0);
  });

  it("that drip are broken off", async () => {
    await start(3_000_000, { timeouts: { idleSeconds: 1 } });
    sendPart(1000, () => undefined);
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    // A transfer that stands still for a second because this machine does is broken off as well.
    assert.ok(rig.count("GET", rig.layer) >= 2);
  });

  it("larger than the limit are refused before their bytes come", async () => {
    await start(3_000_000, { maxBlobSize: "1MiB" });
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", rig.layerPath);
    await waitUntil("nothing is left", () => leftovers().length === 0);
  });

  it("that another repository of the upstream has as well are not fetched again, if the upstream says so", async () => {
    await start();
    await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath));
    await rig.untilKept();
    let status = 404;
    rig.upstream.script = ({ url = "", method }, response) => {
      if (!url.startsWith("/v2/other/")) return false;
      if (method === "HEAD") response.writeHead(status, { "content-length": rig.layerBytes.length }).end();
      else response.writeHead(404).end();
      return true;
    };
    const other = `/v2/up/other/app/blobs/${rig.layer}`;
    await rig.mirror.expectError(404, "BLOB_UNKNOWN", "GET", other);
    status = 200;
    let answer = await rig.mirror.fetch("GET", other);
    // The mirror asks so once the transfer has ended, which is a moment after the blob is kept.
    for (; answer.status === 404; answer = await rig.mirror.fetch("GET", other)) await answer.arrayBuffer();
    assert.deepEqual(await bytesOf(answer), rig.layerBytes);
    assert.equal(rig.count("GET", `/v2/team/app/blobs/${rig.layer}`), 1);
  });

  it("may be empty", async () => {
    await start();
    const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.endsWith(empty)) return false;
      response.writeHead(200, { "content-length": 0 }).end();
      return true;
    };
    for (let i = 0; i < 2; i++) {
      const answer = await rig.mirror.expect(200, "GET", `/v2/up/team/app/blobs/${empty}`);
      assert.equal((await bytesOf(answer)).length, 0);
    }
  });

  it("are looked for at the upstream by HEAD, and not fetched for it", async () => {
    await start();
    const answer = await rig.mirror.expect(200, "HEAD", rig.layerPath);
    assert.equal(answer.headers.get("Content-Length"), String(rig.layerBytes.length));
    assert.equal(rig.count("GET", rig.layer), 0);
    await rig.mirror.expect(404, "HEAD", `/v2/up/team/app/blobs/sha256:${"0".repeat(64)}`);
  });
});
