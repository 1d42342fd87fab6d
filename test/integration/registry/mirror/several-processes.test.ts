import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { StoreSettings } from "../../../../storage/open-store.js";
import { describeWith } from "../../../helpers/capabilities.js";
import { RegistryProcess } from "../../../helpers/registry-process/registry-process.js";
import { S3_SERVER, s3Place } from "../../../helpers/s3-server/shared-s3-server.js";
import { ScriptedRegistry } from "../../../helpers/scripted-registry.js";
import { imageOfTars } from "../../../helpers/small-image.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { mirrorSettings } from "./support/mirror-rig.js";

const CLIENTS = 200;
const BYTES = 1_000_000;
/** With an upstream that waits until all clients are there, however long that takes. */
const PATIENT = { answerSeconds: 3600, idleSeconds: 3600 };

/** Processes that serve one store and mirror one upstream, which sends the first half of the layer and the rest when it is told to. */
class Rig {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-processes-"));
  readonly upstream = new ScriptedRegistry();
  readonly processes: RegistryProcess[] = [];
  readonly image = imageOfTars([randomBytes(BYTES)]);
  readonly layer = Buffer.from(this.image.blobs.get(this.image.layers[0]?.digest ?? assert.fail()) ?? []);
  readonly path = `/v2/up/team/app/blobs/${this.image.layers[0]?.digest ?? ""}`;
  /** Of each GET of the layer. */
  readonly ranges: string[] = [];
  #held: ServerResponse | undefined;

  async start(processes: number, options: { storage?: StoreSettings; spools?: boolean } = {}): Promise<void> {
    this.upstream.image = this.image;
    await this.upstream.start();
    this.upstream.script = ({ method, url = "", headers }, response) => {
      if (method !== "GET" || !url.endsWith(this.image.layers[0]?.digest ?? "")) return false;
      this.ranges.push(headers.range ?? "");
      if (this.ranges.length > 1) return false;
      this.#held = response;
      response.writeHead(200, { "content-length": this.layer.length });
      response.write(this.layer.subarray(0, this.half));
      return true;
    };
    const { storage = { filesystem: { root: join(this.directory, "store") } }, spools = false } = options;
    for (let i = 0; i < processes; i++) {
      const mirrors = mirrorSettings({
        upstreams: [{ name: "up", url: `http://${this.upstream.address}`, timeouts: PATIENT }],
        ...(spools && { spool: join(this.directory, `spool-${String(i)}`) }),
      });
      this.processes.push(await RegistryProcess.start({ storage, mirrors, redirect: false }));
    }
  }

  get half(): number {
    return this.layer.length / 2;
  }

  sendRest(): void {
    this.#held?.end(this.layer.subarray(this.half));
  }

  process(i: number): RegistryProcess {
    return this.processes[i] ?? assert.fail();
  }

  get(i: number): Client {
    return new Client(`${this.process(i).url}${this.path}`);
  }

  async expectAll(clients: readonly Client[]): Promise<void> {
    await Promise.all(clients.map(async (client) => await client.ended));
    const right = clients.filter(({ isWhole, bytes }) => isWhole && bytes.equals(this.layer));
    assert.equal(right.length, clients.length);
  }

  leftovers(): string[] {
    return ["fetches", ".spool"].flatMap((below) => {
      try {
        return readdirSync(join(this.directory, "store", below), { recursive: true }).map(String);
      } catch {
        return [];
      }
    });
  }

  /** Connections between the processes, as the kernel lists them: their accepted ends have the socket's name. */
  readers(): number {
    const names = this.leftovers().filter((name) => name.startsWith("berth-fetches-"));
    const connected = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => / 0001 03 /.test(line));
    return connected.filter((line) => names.some((name) => line.endsWith(name))).length;
  }

  async stop(): Promise<void> {
    for (const process of this.processes) await process.kill();
    await this.upstream.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** Asks again and again. */
async function waitUntilAsync(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  let is = false;
  let asking: Promise<void> | undefined;
  await waitUntil(what, () => {
    if (!is)
      asking ??= isTrue().then((answer) => {
        is = answer;
        asking = undefined;
      });
    return is;
  });
}

/** Reads until the connection ends. */
class Client {
  readonly ended: Promise<void>;
  received = 0;
  isWhole = false;
  readonly #chunks: Buffer[] = [];

  constructor(url: string) {
    this.ended = this.#run(url).catch(() => undefined);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async #run(url: string): Promise<void> {
    const asking = request(url, { agent: false }).end();
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      this.#chunks.push(chunk);
      this.received += chunk.length;
    }
    this.isWhole = answer.complete && answer.statusCode === 200;
  }
}

describe("processes that mirror an upstream into one directory", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  afterEach(async () => {
    await rig.stop();
  });

  it("cost it one GET for a cold blob that 200 clients want, who get the bytes as they come", async () => {
    await rig.start(2);
    const clients = Array.from({ length: CLIENTS }, (_, i) => rig.get(i % 2));
    await waitUntil("all clients have the first half", () => clients.every(({ received }) => received === rig.half));
    rig.sendRest();
    await rig.expectAll(clients);
    assert.deepEqual(rig.ranges, [""]);
    const sockets = /^berth-fetches-/;
    await waitUntil("no claim is left", () => rig.leftovers().filter((name) => !sockets.test(name)).length === 0);
  });

  it("go on where the one that fetched it was when it is killed", async () => {
    await rig.start(3);
    const first = rig.get(0);
    await waitUntil("the first process fetches", () => first.received === rig.half);
    const others = Array.from({ length: 20 }, (_, i) => rig.get(1 + (i % 2)));
    await waitUntil("the others read along", () => others.every(({ received }) => received === rig.half));
    await rig.process(0).kill();
    await rig.expectAll(others);
    assert.deepEqual(rig.ranges, ["", `bytes=${String(rig.half)}-`]);
    await first.ended;
    assert.equal(first.isWhole, false);
    await rig.expectAll([rig.get(1), rig.get(2)]);
    assert.equal(rig.ranges.length, 2);
    await waitUntil("no claim is left", () => rig.leftovers().filter((name) => /\d{10}$/.test(name)).length === 0);
  });

  it("hear from each other that the upstream has failed, and ask once", async () => {
    await rig.start(2);
    let asked = 0;
    let fail: () => void = () => undefined;
    rig.upstream.script = ({ method, url = "" }, response) => {
      if (method !== "GET" || !url.endsWith(rig.image.layers[0]?.digest ?? "")) return false;
      asked++;
      fail = () => response.writeHead(404).end();
      return true;
    };
    const statusOf = async (i: number, path = rig.path): Promise<number> =>
      (await fetch(`${rig.process(i).url}${path}`)).status;
    // Its first fetch looks which sockets are deserted, which would count as a reader.
    assert.equal(await statusOf(1, `/v2/up/team/app/blobs/sha256:${"0".repeat(64)}`), 404);
    const first = statusOf(0);
    await waitUntil("the first process asks", () => asked === 1);
    const claims = (): string[] => rig.leftovers().filter((name) => /\d{10}$/.test(name));
    await waitUntil("the claim of the fetch before has gone", () => claims().length === 1);
    await waitUntil("nobody reads along yet", () => rig.readers() === 0);
    const second = statusOf(1);
    await waitUntil("the second reads along", () => rig.readers() === 1);
    fail();
    assert.deepEqual(await Promise.all([first, second]), [404, 404]);
    assert.equal(asked, 1);
    await waitUntil("no claim is left", () => claims().length === 0);
  });
});

describe("processes that mirror an upstream which asks for patience", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  afterEach(async () => {
    await rig.stop();
  });

  it("leave it alone together", async () => {
    await rig.start(2);
    let asked = 0;
    rig.upstream.script = ({ method, url = "" }, response) => {
      if (method !== "GET" || !url.includes("/manifests/")) return false;
      asked++;
      response.writeHead(429, { "retry-after": "200" }).end();
      return true;
    };
    const ask = async (i: number): Promise<Response> =>
      await fetch(`${rig.process(i).url}/v2/up/team/app/manifests/v${String(i)}`);
    assert.equal((await ask(0)).status, 429);
    const other = await ask(1);
    assert.equal(other.status, 503);
    assert.equal(Number(other.headers.get("Retry-After")) > 0, true);
    assert.equal(asked, 1);
    await rig.process(0).kill();
    // What a dead process has said does not hold; one that is looked at anew a second later.
    await waitUntilAsync("the upstream is asked again", async () => (await ask(1)).status === 429);
    assert.equal(asked, 2);
  });
});

describeWith(S3_SERVER, "replicas that mirror an upstream into one bucket, on hosts of their own", () => {
  let rig: Rig;

  before(async () => {
    await s3Place();
  });

  beforeEach(() => {
    rig = new Rig();
  });

  afterEach(async () => {
    await rig.stop();
  });

  it("cost it one GET for a cold blob, which the others serve once it is whole", async () => {
    await rig.start(2, { storage: { s3: await s3Place() }, spools: true });
    const clients = Array.from({ length: 20 }, () => rig.get(0));
    await waitUntil("the first replica fetches", () => clients.every(({ received }) => received === rig.half));
    const others = Array.from({ length: 20 }, () => rig.get(1));
    rig.sendRest();
    await rig.expectAll([...clients, ...others]);
    assert.deepEqual(rig.ranges, [""]);
  });

  it("fetch it themselves when the one that fetched it is killed", async () => {
    await rig.start(2, { storage: { s3: await s3Place() }, spools: true });
    const first = rig.get(0);
    await waitUntil("the first replica fetches", () => first.received === rig.half);
    const others = Array.from({ length: 20 }, () => rig.get(1));
    await rig.process(0).kill();
    await rig.expectAll(others);
    assert.deepEqual(rig.ranges, ["", ""]);
  });
});
