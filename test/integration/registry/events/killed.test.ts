import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { MediaType } from "../../../../oci/media-types.js";
import { BerthHost } from "../../../helpers/berth-host.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { contentOf, descriptorOf, documentOf } from "../support/content.js";
import { WebhookReceiver } from "./support/webhook-receiver.js";

const PUSHES = 20;

describe("webhooks of a registry that is killed", () => {
  const host = new BerthHost();
  let receiver: WebhookReceiver;

  before(async () => {
    receiver = await WebhookReceiver.start();
  });

  after(async () => {
    await receiver.stop();
    assert.deepEqual(await host.dispose(), []);
  });

  it("tell of every push that was acknowledged, once another process runs on the same store", async () => {
    const config = join(host.directory, "registry.yaml");
    const ignore = { mediaTypes: ["application/octet-stream"] };
    const endpoint = { name: "ci", url: receiver.url, ignore, backoffSeconds: 1 };
    writeFileSync(
      config,
      JSON.stringify({ listen: "127.0.0.1:0", log: { level: "error" }, webhooks: { endpoints: [endpoint] } }),
    );
    const serve = async (): Promise<{ url: string; kill: () => Promise<void> }> => {
      const child = host.start("registry", "serve", "--config", config);
      const [line] = (await once(child.stdout ?? assert.fail(), "data")) as [Buffer];
      const kill = async (): Promise<void> => {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      };
      return { url: /http:\/\/\S+/.exec(line.toString())?.[0] ?? assert.fail(line.toString()), kill };
    };

    receiver.behave = (response) => {
      response.statusCode = 503;
      response.end();
    };
    const first = await serve();
    const blob = { ...contentOf("{}"), mediaType: MediaType.ociConfig };
    const manifest = documentOf(MediaType.ociManifest, { config: descriptorOf(blob), layers: [] });
    const request = async (method: string, path: string, body: Buffer, type: string): Promise<number> =>
      (
        await fetch(`${first.url}/v2/a/${path}`, {
          method,
          body: new Uint8Array(body),
          headers: { "Content-Type": type },
        })
      ).status;
    assert.equal(
      await request("POST", `blobs/uploads/?digest=${blob.digest}`, blob.bytes, "application/octet-stream"),
      201,
    );
    const acknowledged: string[] = [];
    await Promise.all(
      Array.from({ length: PUSHES }, async (_, i) => {
        const tag = `t${String(i)}`;
        const status = await request("PUT", `manifests/${tag}`, manifest.bytes, manifest.mediaType);
        if (status === 201) acknowledged.push(tag);
      }),
    );
    assert.equal(acknowledged.length, PUSHES);
    await first.kill();
    assert.deepEqual(receiver.events, []);

    receiver.behave = undefined;
    const second = await serve();
    const told = (): Set<unknown> => new Set(receiver.events.map(({ target }) => target["tag"]));
    await waitUntil("every acknowledged push is told", () => acknowledged.every((tag) => told().has(tag)));
    await second.kill();
  });
});
