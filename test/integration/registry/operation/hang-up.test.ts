import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { BERTH } from "../../../helpers/berth-host.js";
import { ScriptedRegistry } from "../../../helpers/scripted-registry.js";
import { smallImage } from "../../../helpers/small-image.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { WebhookReceiver } from "../events/support/webhook-receiver.js";

/** YAML is a superset of JSON. */
interface Config {
  readonly webhooks?: object;
  readonly mirrors?: object;
  readonly policies?: object;
  readonly listn?: string;
}

describe("berth registry serve, told by SIGHUP that its configuration has changed", () => {
  let directory: string;
  let file: string;
  let child: ChildProcess;
  let log: string;
  let url: string;
  let receiver: WebhookReceiver;
  let upstream: ScriptedRegistry;

  const write = (config: Config): void => {
    writeFileSync(file, JSON.stringify({ listen: "127.0.0.1:0", root: join(directory, "store"), ...config }));
  };
  const said = (words: string): number => log.split(words).length - 1;
  /** Resolves when the registry has told what it makes of it. */
  const hangUp = async (words: string): Promise<void> => {
    const before = said(words);
    child.kill("SIGHUP");
    await waitUntil(words, () => said(words) > before);
  };
  const push = async (tag: string): Promise<number> => {
    const body = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.example+json", tag });
    const headers = { "Content-Type": "application/vnd.example+json" };
    return (await fetch(`${url}/v2/a/manifests/${tag}`, { method: "PUT", body, headers })).status;
  };
  const pull = async (): Promise<number> => (await fetch(`${url}/v2/up/team/app/manifests/v1`)).status;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "berth-hang-up-"));
    file = join(directory, "registry.yaml");
    receiver = await WebhookReceiver.start();
    upstream = await new ScriptedRegistry().start();
    upstream.image = await smallImage([[{ name: "hello", content: "hello" }]]);
    write({});
    log = "";
    const server = spawn(process.execPath, [BERTH, "registry", "serve", "--config", file], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = server;
    server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    url = /http:\/\/\S+/.exec(line.toString())?.[0] ?? assert.fail(line.toString());
  });

  afterEach(async () => {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    await receiver.stop();
    await upstream.stop();
    rmSync(directory, { recursive: true });
  });

  it("takes webhooks, mirrors and policies into use, and of a wrong file nothing", async () => {
    assert.deepEqual([await push("v1"), await pull()], [201, 404]);
    const mirrors = { upstreams: [{ name: "up", url: `http://${upstream.address}` }] };
    const webhooks = { endpoints: [{ name: "test", url: receiver.url }] };
    write({ mirrors, webhooks });
    await hangUp("the configuration was read again");
    assert.equal(said("need a restart"), 0);
    assert.deepEqual([await push("v2"), await pull()], [201, 200]);
    await waitUntil("it is told", () => receiver.events.length > 0);
    assert.deepEqual(
      receiver.events.map(({ target }) => target["tag"]),
      ["v2"],
    );

    const secretFile = join(directory, "nowhere");
    write({
      mirrors: { upstreams: [] },
      webhooks: { endpoints: [{ name: "test", url: receiver.url, secretFile }] },
      policies: [{ repositories: ["**"], immutableTags: ["v*"] }],
      listn: "x",
    });
    await hangUp("the one in force stays");
    await waitUntil("all of it is told", () => said("listn: there is no such setting") > 0 && said("secretFile: ") > 0);
    assert.deepEqual([await push("v2"), await pull()], [201, 200]);
    await waitUntil("it is told", () => receiver.events.length > 1);
  });
});
