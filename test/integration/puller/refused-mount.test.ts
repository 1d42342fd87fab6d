import assert from "node:assert/strict";

import { RegistryClient } from "../../../puller/client/registry-client.js";
import { ScriptedRegistry } from "../../helpers/scripted-registry.js";
import { sha256 } from "../../helpers/small-image.js";

describe("a push to a registry that refuses a mount", () => {
  let registry: ScriptedRegistry;

  beforeEach(async () => {
    registry = await new ScriptedRegistry().start();
  });
  afterEach(async () => {
    await registry.stop();
  });

  for (const status of [400, 401, 403, 404, 405]) {
    it(`with ${String(status)} sends the bytes instead`, async () => {
      const bytes = Buffer.from("a layer");
      const received: Buffer[] = [];
      registry.script = async (request, response) => {
        const { method, url = "" } = request;
        if (method === "POST") {
          if (url.includes("mount=")) response.writeHead(status).end();
          else response.writeHead(202, { location: "/v2/app/blobs/uploads/1" }).end();
          return true;
        }
        if (method !== "PUT") return false;
        for await (const chunk of request) received.push(chunk as Buffer);
        response.writeHead(201).end();
        return true;
      };
      const client = new RegistryClient({ registry: registry.address });
      try {
        const blob = { digest: sha256(bytes), size: bytes.length, open: () => bytes, mountFrom: "private/base" };
        assert.equal(await client.uploadBlob("app", blob), "uploaded");
        assert.deepEqual(Buffer.concat(received), bytes);
      } finally {
        await client.close();
      }
    });
  }
});
