import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { as, GuardedRegistry } from "../../integration/registry/auth/support/guarded-registry.js";

/** More than fit at once into the memory that is set apart for whole bodies, as they were then announced. */
const CONNECTIONS = 2200;
const ANNOUNCED = 64 * 1024;

/**
 * Forms for the token service, which anybody may send, took their announced length of the memory that manifests need: some
 * connections that sent nothing more kept everybody from pushing.
 */
describe("forms for the token service that never come", () => {
  it("do not keep manifests from being pushed", async () => {
    const guarded = await GuardedRegistry.start();
    const { port, hostname } = new URL(guarded.registry.url);
    const sockets: Socket[] = [];
    try {
      for (let i = 0; i < CONNECTIONS; i++) {
        const socket = connect({ host: hostname, port: Number(port) });
        sockets.push(socket.on("error", () => undefined));
        socket.write(`POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(ANNOUNCED)}\r\n\r\na`);
        if (i % 100 === 99) await once(socket, "connect");
      }
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.example+json",
        x: "x".repeat(20_000),
      });
      const headers = { ...as("alice").headers, "Content-Type": "application/vnd.example+json" };
      const signal = AbortSignal.timeout(200_000);
      const answer = await guarded.registry.fetch("PUT", "/v2/team/app/manifests/v1", { body, headers, signal });
      assert.equal(answer.status, 201);
    } finally {
      for (const socket of sockets) socket.destroy();
      await guarded.stop();
    }
  });
});
