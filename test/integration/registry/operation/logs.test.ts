import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { PassThrough } from "node:stream";

import { registryLogger } from "../../../../registry/observability/logger.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { TestRegistry } from "../support/test-registry.js";

describe("the registry's log", () => {
  let registry: TestRegistry;
  let text: string;

  const start = async (options: object = {}): Promise<void> => {
    text = "";
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => (text += chunk.toString()));
    registry = await TestRegistry.start({ log: registryLogger("debug", output), ...options });
  };

  afterEach(async () => {
    await registry.stop();
  });

  const records = (): Record<string, unknown>[] =>
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  /** As no HTTP client would send it. */
  const sendRaw = async (lines: readonly string[]): Promise<string> => {
    const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
    socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    await once(socket, "close");
    return answer;
  };

  it("keeps a proxy's request ID and answers with it, but only one that looks like one", async () => {
    await start();
    const idOf = async (given: string): Promise<string | null> =>
      (await registry.fetch("POST", "/v2/a/blobs/uploads/", { headers: { "X-Request-Id": given } })).headers.get(
        "X-Request-Id",
      );
    assert.equal(await idOf("proxy-1.2_3"), "proxy-1.2_3");
    for (const bad of ["a b", "x".repeat(65), '{"level":60}', "<script>"]) {
      assert.match((await idOf(bad)) ?? "", /^[0-9a-f-]{36}$/, bad);
    }
    await waitUntil("it is written", () => records().some(({ id }) => id === "proxy-1.2_3"));
  });

  it("has a line for each request whatever a client writes, and none of it can pass for another", async () => {
    await start();
    const evil = '/v2/a%0a{"level":60,"msg":"forged"}%0d%0aX-Evil:%201/blobs/uploads/';
    await sendRaw([`POST ${evil} HTTP/1.1`, "Host: x\u2028y", "Content-Length: 0", "Connection: close"]);
    await sendRaw([`DELETE /v2/${"\u0085\u001b[31m".repeat(10)} HTTP/1.1`, "Host: x", "Connection: close"]);
    await sendRaw([`DELETE /v2/a/${"b".repeat(5000)} HTTP/1.1`, "Host: x", "Connection: close"]);
    await waitUntil("they are written", () => records().length >= 2);
    for (const record of records()) {
      assert.notEqual(record["msg"], "forged");
      assert.equal(record["level"], 20);
      assert.ok(String(record["path"]).length <= 1024);
    }
    // Nothing that a terminal would obey.
    assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  });

  it("says at debug alone that a client's connection broke, and of what it sent nothing", async () => {
    await start();
    const body = ["Transfer-Encoding: chunked", "", "zz", "secret", "0"];
    await sendRaw(["POST /v2/a/blobs/uploads/ HTTP/1.1", "Host: x", ...body]);
    await waitUntil("it is written", () => text.includes("connection broke"));
    const [broken = assert.fail()] = records().filter(({ msg }) => msg === "a client's connection broke");
    assert.deepEqual([broken["level"], broken["code"]], [20, "HPE_INVALID_CHUNK_SIZE"]);
    for (const record of records()) assert.ok(Number(record["level"]) <= 30, JSON.stringify(record));
    assert.doesNotMatch(text, /secret/);
  });

  it("splits no answer's header by what a client writes", async () => {
    await start({ trustForwarded: true });
    const answer = await sendRaw([
      "POST /v2/a/blobs/uploads/?x=%0d%0aX-Evil:%201 HTTP/1.1",
      "Host: x",
      "X-Request-Id: a%0d%0aX-Evil: 1",
      "X-Forwarded-Host: evil%0d%0aX-Evil: 1",
      "X-Forwarded-For: 127.0.0.1%0d%0aX-Evil: 1",
      "Content-Length: 0",
      "Connection: close",
    ]);
    assert.match(answer, /^HTTP\/1.1 202 /);
    assert.doesNotMatch(answer, /x-evil/i);
  });

  it("holds no credentials, and pulls where they are asked for", async () => {
    await start({ logPulls: true });
    const headers = { Authorization: "Bearer very-secret", Cookie: "very-secret" };
    await registry.expect(404, "GET", "/v2/a/manifests/x?token=very-secret", { headers });
    await registry.expect(200, "GET", "/v2/", { headers });
    await waitUntil("they are written", () => records().some(({ path }) => path === "/v2/"));
    assert.doesNotMatch(text, /very-secret/);
    const [pull] = records().filter(({ path }) => path === "/v2/");
    assert.deepEqual([pull?.["level"], pull?.["status"], pull?.["address"]], [30, 200, "127.0.0.1"]);
    const log = registryLogger("info", { write: (line) => (text += line) });
    log.info({
      password: "very-secret",
      upstream: { token: "very-secret", headers: { authorization: "very-secret" } },
    });
    assert.doesNotMatch(text, /very-secret/);
  });
});
