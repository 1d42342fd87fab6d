import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { join } from "node:path";

import type { WebhookEndpoint } from "../../../../registry/config/webhooks-section.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { imageIn, putManifest, type Described } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";
import { WebhookReceiver } from "./support/webhook-receiver.js";

function endpointAt({ url }: WebhookReceiver, settings: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    name: "test",
    url,
    headers: {},
    timeoutSeconds: 600,
    threshold: 1,
    // Nothing here waits for a second attempt that nobody asked for.
    backoffSeconds: 3600,
    giveUpAfterHours: 24,
    queueLimit: 1000,
    ignore: { actions: ["pull"], mediaTypes: ["application/octet-stream"] },
    ...settings,
  };
}

const tagsTold = ({ events }: WebhookReceiver): string[] => events.map(({ target }) => String(target["tag"])).sort();

describe("webhooks that change while the registry runs", () => {
  let receiver: WebhookReceiver;
  let other: WebhookReceiver;
  let registry: TestRegistry;
  let image: Described;

  const start = async (webhooks: readonly WebhookEndpoint[]): Promise<void> => {
    registry = await TestRegistry.start({ webhooks });
    image = await imageIn(registry, "a");
  };
  const push = async (tag: string): Promise<void> => {
    await putManifest(registry, "a", tag, image);
  };

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    other = await WebhookReceiver.start();
  });

  afterEach(async () => {
    await registry.stop();
    await receiver.stop();
    await other.stop();
  });

  it("tell one that was not there before, and no longer one that is gone", async () => {
    await start([]);
    await push("v1");
    await registry.reload(undefined, { webhooks: [endpointAt(receiver)] });
    await push("v2");
    await waitUntil("it is told", () => receiver.events.length > 0);
    await registry.reload(undefined, { webhooks: [endpointAt(other, { name: "other" })] });
    await push("v3");
    await waitUntil("the other is told", () => other.events.length > 0);
    assert.deepEqual([tagsTold(receiver), tagsTold(other)], [["v2"], ["v3"]]);
  });

  it("let the post under way end, and tell what waited at the new address at once", async () => {
    let held: ServerResponse | undefined;
    receiver.behave = (response) => {
      held = response;
    };
    await start([endpointAt(receiver)]);
    await push("v1");
    await waitUntil("it is being told", () => held !== undefined);
    await push("v2");
    await registry.reload(undefined, { webhooks: [endpointAt(other)] });
    await push("v3");
    assert.deepEqual(other.posts, []);
    held?.end();
    await waitUntil("the rest is told", () => other.events.length >= 2);
    assert.deepEqual(tagsTold(other), ["v2", "v3"]);
    assert.equal(receiver.posts.length, 1);
  });

  it("do not wait for the end of a pause when they are told of another address", async () => {
    receiver.behave = (response) => {
      response.statusCode = 503;
      response.end();
    };
    await start([endpointAt(receiver)]);
    await push("v1");
    await waitUntil("it was tried", () => receiver.posts.length > 0);
    await registry.reload(undefined, { webhooks: [endpointAt(other)] });
    await waitUntil("it is told", () => other.events.length > 0);
    assert.deepEqual(tagsTold(other), ["v1"]);
  });

  it("give up what waits for one that is gone, and leave nothing of it in the store", async () => {
    receiver.behave = (response) => {
      response.statusCode = 503;
      response.end();
    };
    await start([endpointAt(receiver)]);
    for (const tag of ["v1", "v2"]) await push(tag);
    await waitUntil("it was tried", () => receiver.posts.length > 0);
    const batches = (): number => registry.files("events").filter((name) => /^\d+/.test(name)).length;
    await registry.reload(undefined, { webhooks: [] });
    await registry.restart();
    assert.equal(receiver.posts.length, 1);
    assert.deepEqual(other.events, []);
    await waitUntil("nothing is left", () => batches() === 0);
  });

  it("stay as they are where anything of the new configuration is wrong, and so does everything else", async () => {
    await start([endpointAt(receiver)]);
    const webhooks = [endpointAt(other, { secretFile: join(registry.directory, "nowhere") })];
    const policies = [{ repositories: ["**"], immutableTags: ["v*"] }];
    await assert.rejects(registry.reload(undefined, { webhooks, policies }), { code: "CONFIG_INVALID" });
    await push("v1");
    image = await imageIn(registry, "a");
    await push("v1");
    await waitUntil("both are told", () => receiver.events.length >= 2);
    assert.deepEqual(other.posts, []);
  });
});
