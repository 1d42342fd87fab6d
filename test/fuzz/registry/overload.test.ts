import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MediaType } from "../../../oci/media-types.js";
import { RegistryProcess } from "../../helpers/registry-process/registry-process.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { contentOf, descriptorOf, documentOf, randomContent } from "../../integration/registry/support/content.js";

const MIB = 1024 * 1024;
const IDLE_CONNECTIONS = 10_000;
const CONNECTIONS_AT_ONCE = 250;
/** A source address has 28,000 ports. */
const CONNECTIONS_OF_AN_ADDRESS = 1000;
const OWN_DESCRIPTORS = 500;
/** Half of what the registry waits for a connection's first request: those that were opened by then are all there at once. */
const OPENING_MS = 15_000;

describe("registry under many bad clients", () => {
  let root: string;
  let registry: RegistryProcess | undefined;
  let sockets: Socket[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "berth-overload-"));
    sockets = [];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await registry?.kill();
    rmSync(root, { recursive: true });
  });

  const open = async (localAddress = "127.0.0.1"): Promise<Socket> => {
    const { hostname, port } = new URL(registry?.url ?? "");
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    socket.on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  };

  const isServed = async (): Promise<void> => {
    const blob = { mediaType: MediaType.ociConfig, ...randomContent(10_000) };
    const url = registry?.url ?? "";
    const pushed = await fetch(`${url}/v2/a/blobs/uploads/?digest=${blob.digest}`, {
      method: "POST",
      body: new Uint8Array(blob.bytes),
    });
    assert.equal(pushed.status, 201);
    const manifest = documentOf(MediaType.ociManifest, { config: descriptorOf(blob), layers: [] });
    const put = await fetch(`${url}/v2/a/manifests/v1`, {
      method: "PUT",
      body: new Uint8Array(manifest.bytes),
      headers: { "Content-Type": manifest.mediaType },
    });
    assert.equal(put.status, 201);
    const pulled = await fetch(`${url}/v2/a/manifests/v1`);
    assert.equal(contentOf(Buffer.from(await pulled.arrayBuffer())).digest, manifest.digest);
  };

  it(`serves, in little memory, while up to ${String(IDLE_CONNECTIONS)} connections do nothing`, async () => {
    registry = await RegistryProcess.start({ root, idleTimeoutMs: 3600_000 });
    const before = registry.residentBytes;
    const most = Math.min(IDLE_CONNECTIONS, descriptorLimit() - OWN_DESCRIPTORS);
    assert.ok(most >= 500, `only ${String(descriptorLimit())} descriptors: raise ulimit -n`);
    for (const end = performance.now() + OPENING_MS; sockets.length < most && performance.now() < end;) {
      const some = Array.from({ length: Math.min(CONNECTIONS_AT_ONCE, most - sockets.length) }, (_, i) => i);
      const address = `127.0.1.${String(1 + Math.floor(sockets.length / CONNECTIONS_OF_AN_ADDRESS))}`;
      await Promise.all(some.map(async () => await open(address)));
    }
    const { descriptors } = registry;
    assert.ok(descriptors >= sockets.length, `${String(descriptors)} for ${String(sockets.length)} connections`);
    await isServed();
    const grown = registry.residentBytes - before;
    assert.ok(grown < 200 * MIB, `${String(grown / MIB)} MiB more`);
    for (const socket of sockets) socket.destroy();
    await waitUntil("the descriptors are given back", () => (registry?.descriptors ?? 0) < 100);
    await isServed();
  });

  it("cuts clients that send their header byte by byte, and serves others meanwhile", async () => {
    registry = await RegistryProcess.start({ root, idleTimeoutMs: 3000 });
    const slow = await Promise.all(Array.from({ length: 200 }, async () => await open()));
    let closed = 0;
    for (const socket of slow) socket.once("close", () => closed++).resume();
    let sent = 0;
    const header = "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    const drip = setInterval(() => {
      const byte = header[sent++] ?? "x";
      for (const socket of slow) if (socket.writable) socket.write(byte);
    }, 50);
    try {
      await isServed();
      await waitUntil("all are cut", () => closed === slow.length);
    } finally {
      clearInterval(drip);
    }
    await isServed();
  });

  it("keeps within its memory when many large manifests stop short, and takes small ones meanwhile", async () => {
    registry = await RegistryProcess.start({ root, idleTimeoutMs: 4000 });
    const before = registry.residentBytes;
    const part = Buffer.alloc(3 * MIB, " ");
    let most = 0;
    const stalled = await Promise.all(Array.from({ length: 150 }, async () => await open()));
    let closed = 0;
    for (const socket of stalled) {
      socket.once("close", () => closed++).resume();
      socket.write(`PUT /v2/a/manifests/large HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(4 * MIB)}\r\n\r\n`);
      socket.write(part);
    }
    await isServed();
    await waitUntil("all are cut", () => {
      most = Math.max(most, registry?.residentBytes ?? 0);
      return closed === stalled.length;
    });
    assert.ok(most - before < 350 * MIB, `${String((most - before) / MIB)} MiB more`);
    await isServed();
  });

  it("refuses headers and targets that are too large without reading them all", async () => {
    registry = await RegistryProcess.start({ root });
    const tooLarge = [
      `GET /v2/${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n`,
      `GET /v2/ HTTP/1.1\r\nX: ${"a".repeat(1e6)}`,
    ];
    for (const text of tooLarge) {
      const socket = await open();
      let answer = "";
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(text);
      await closed;
      // The connection may be reset before the client has read why.
      assert.ok(answer === "" || answer.startsWith("HTTP/1.1 431 "), answer);
    }
    await isServed();
  });
});

/** Node has raised its soft limit to the hard one. */
function descriptorLimit(): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return Number(soft);
}
