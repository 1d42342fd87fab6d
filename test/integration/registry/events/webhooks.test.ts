import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readdirSync } from "node:fs";
import { PassThrough } from "node:stream";

import type { WebhookEndpoint } from "../../../../registry/config/webhooks-section.js";
import { registryLogger } from "../../../../registry/observability/logger.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { imageIn, pushBlob, putManifest, randomContent } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";
import { WebhookReceiver, type ReceivedEvent } from "./support/webhook-receiver.js";

const SECRET = "a secret of the endpoint";

function endpointAt(receiver: WebhookReceiver, settings: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    name: "test",
    url: receiver.url,
    headers: {},
    // Longer than this process ever stands still: what is told twice would be told once too often here.
    timeoutSeconds: 60,
    threshold: 3,
    backoffSeconds: 1,
    giveUpAfterHours: 1,
    queueLimit: 1000,
    ignore: { actions: ["pull"], mediaTypes: ["application/octet-stream"] },
    ...settings,
  };
}

/** Of events that no endpoint is known to have got. */
function batchesIn({ directory }: TestRegistry): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\/events\/.*\/batches\//.test(`${entry.parentPath}/`))
    .map(({ name }) => name);
}

const actionsOf = (events: readonly ReceivedEvent[]): string[] => events.map(({ action }) => action).sort();

describe("webhooks", () => {
  let receiver: WebhookReceiver;
  let registry: TestRegistry | undefined;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(async () => {
    await registry?.stop();
    registry = undefined;
    await receiver.stop();
  });

  it("tell what was done in distribution's words, signed, with the request's ID", async () => {
    const headers = { "X-Whose": "ours" };
    const ignore = { actions: [], mediaTypes: [] };
    registry = await TestRegistry.start({
      url: "https://registry.example/",
      webhooks: [endpointAt(receiver, { headers, secret: SECRET, ignore })],
    });
    const image = await imageIn(registry, "team/a");
    await registry.expect(201, "PUT", "/v2/team/a/manifests/v1", {
      body: new Uint8Array(image.bytes),
      headers: { "Content-Type": image.mediaType, "X-Request-Id": "trace-1", "User-Agent": "tester/1" },
    });
    await registry.expect(200, "GET", "/v2/team/a/manifests/v1");
    const blob = randomContent(10);
    await pushBlob(registry, "team/a", blob);
    await registry.expect(201, "POST", `/v2/b/blobs/uploads/?mount=${blob.digest}&from=team/a`);
    await registry.expect(202, "DELETE", "/v2/team/a/manifests/v1");
    await registry.expect(202, "DELETE", `/v2/team/a/blobs/${blob.digest}`);
    await waitUntil("all events arrive", () => receiver.events.length >= 9);
    // Three blobs and a manifest of the image, and a blob.
    assert.deepEqual(actionsOf(receiver.events), [
      "delete",
      "delete",
      "mount",
      "pull",
      ...Array<string>(5).fill("push"),
    ]);

    const { id, timestamp, source, ...push } =
      receiver.events.find(({ request, action }) => action === "push" && request["id"] === "trace-1") ?? assert.fail();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
    assert.deepEqual(Object.keys(source), ["addr", "instanceID"]);
    assert.deepEqual(push, {
      action: "push",
      target: {
        mediaType: image.mediaType,
        size: image.bytes.length,
        length: image.bytes.length,
        digest: image.digest,
        repository: "team/a",
        url: `https://registry.example/v2/team/a/manifests/${image.digest}`,
        tag: "v1",
      },
      request: {
        id: "trace-1",
        addr: "127.0.0.1",
        host: new URL(registry.url).host,
        method: "PUT",
        useragent: "tester/1",
      },
      actor: {},
    });
    const mount = receiver.events.find(({ action }) => action === "mount");
    assert.deepEqual([mount?.target["repository"], mount?.target["fromRepository"]], ["b", "team/a"]);

    for (const { headers: sent, body } of receiver.posts) {
      assert.equal(sent["content-type"], "application/vnd.docker.distribution.events.v2+json");
      assert.equal(sent["x-whose"], "ours");
      const [, seconds = "", signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(sent["berth-signature"])) ?? [];
      assert.equal(signature, createHmac("sha256", SECRET).update(`${seconds}.${body}`).digest("hex"));
    }
  });

  it("tell once of each push, whichever of two registries on one store took it", async () => {
    const webhooks = [endpointAt(receiver)];
    const first = await TestRegistry.start({ webhooks });
    registry = first;
    const other = await TestRegistry.start({ webhooks, root: first.directory });
    try {
      const image = await imageIn(first, "a");
      const tags = Array.from({ length: 40 }, (_, i) => `t${String(i)}`);
      await Promise.all(
        tags.map(async (tag, i) => {
          await putManifest(i % 2 === 0 ? first : other, "a", tag, image);
        }),
      );
      await waitUntil("every push is told", () => receiver.events.length >= tags.length);
      // What a stop breaks off is told once more.
      await waitUntil("the registries know that it is", () => batchesIn(first).length === 0);
    } finally {
      await other.stop();
    }
    await first.restart();
    const told = receiver.events.map(({ target }) => String(target["tag"]));
    assert.equal(told.length, 40);
    assert.equal(new Set(told).size, 40);
    await waitUntil("nothing is left in the store", () => first.files("events").length <= 2);
  });

  it("slow nothing down while the endpoint hangs, and tell it later, after a restart as well", async () => {
    receiver.behave = () => undefined;
    registry = await TestRegistry.start({ webhooks: [endpointAt(receiver)] });
    const image = await imageIn(registry, "a");
    await putManifest(registry, "a", "v1", image);
    await waitUntil("it was tried", () => receiver.posts.length > 0);
    await putManifest(registry, "a", "v2", image);
    await registry.expect(200, "GET", "/v2/a/manifests/v2");
    assert.deepEqual(receiver.events, []);
    receiver.behave = undefined;
    await registry.restart();
    // The post that was broken off may come in twice.
    await waitUntil("both are told", () => new Set(receiver.events.map(({ target }) => target["tag"])).size === 2);
  });

  it("retry 5xx with the same event ID, give up what is refused, and follow no redirect", async () => {
    const elsewhere = await WebhookReceiver.start();
    try {
      const answers = [500, 503, 302, 307];
      receiver.behave = (response, attempt) => {
        response.statusCode = answers[attempt - 1] ?? 200;
        if (response.statusCode !== 200) response.setHeader("Location", elsewhere.url);
        response.end();
      };
      registry = await TestRegistry.start({ webhooks: [endpointAt(receiver, { threshold: 5 })] });
      const image = await imageIn(registry, "a");
      await putManifest(registry, "a", "v1", image);
      await waitUntil("it is told", () => receiver.events.length > 0);
      const ids = receiver.posts.map(({ body }) => (JSON.parse(body) as { events: ReceivedEvent[] }).events[0]?.id);
      assert.equal(ids.length, 5);
      assert.equal(new Set(ids).size, 1);
      assert.deepEqual(elsewhere.posts, []);

      receiver.behave = (response) => {
        response.statusCode = receiver.posts.at(-1)?.body.includes('"tag":"poison"') ? 422 : 200;
        response.end();
      };
      await putManifest(registry, "a", "poison", image);
      await putManifest(registry, "a", "v2", image);
      await waitUntil("the next one is told", () => receiver.events.some(({ target }) => target["tag"] === "v2"));
      assert.ok(!receiver.events.some(({ target }) => target["tag"] === "poison"));
    } finally {
      await elsewhere.stop();
    }
  });

  it("forget the newest when too many wait, and never what was to be kept back from the log", async () => {
    receiver.behave = (response) => {
      response.statusCode = 500;
      response.end("x".repeat(1_000_000));
    };
    const lines: string[] = [];
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
    const log = registryLogger("trace", output);
    const headers = { Authorization: "Bearer of-the-endpoint" };
    const webhooks = [
      endpointAt(receiver, { queueLimit: 3, headers, secret: SECRET, threshold: 1, backoffSeconds: 3600 }),
    ];
    registry = await TestRegistry.start({ webhooks, log });
    const image = await imageIn(registry, "a");
    for (let i = 0; i < 6; i++) await putManifest(registry, "a", `t${String(i)}`, image);
    await waitUntil("it was tried", () => lines.join("").includes("a webhook fails"));
    receiver.behave = undefined;
    await registry.restart();
    await waitUntil("what fitted is told", () => receiver.events.length >= 3);
    assert.deepEqual(
      receiver.events.map(({ target }) => target["tag"]),
      ["t0", "t1", "t2"],
    );
    const logged = lines.join("");
    assert.match(logged, /events were dropped/);
    for (const secret of [SECRET, "of-the-endpoint", receiver.url]) assert.ok(!logged.includes(secret), secret);
  });
});
