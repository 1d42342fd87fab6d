import assert from "node:assert/strict";
import { PassThrough } from "node:stream";

import { registryLogger } from "../../../../registry/observability/logger.js";
import { as, basic, bearer, GuardedRegistry } from "../auth/support/guarded-registry.js";
import { randomContent } from "../support/content.js";

type Record_ = Readonly<Record<string, unknown>>;

const TIGHT = [{ repositories: ["team/full"], quota: { bytes: 10, scope: "repository" as const } }];

describe("refusals", () => {
  let guarded: GuardedRegistry;
  let text: string;

  const start = async (options: object = {}, auth: object = {}): Promise<void> => {
    text = "";
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => (text += chunk.toString()));
    guarded = await GuardedRegistry.start(auth, {
      log: registryLogger("info", output),
      metrics: { listen: "127.0.0.1:0" },
      ...options,
    });
  };

  afterEach(async () => {
    await guarded.stop();
  });

  /** What the log says of the request with that ID; the log is written before the answer is sent. */
  const refusalOf = (id: string): Record_ => {
    const records = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record_);
    return (
      records.find((record) => record["id"] === id && record["msg"] === "refused") ?? assert.fail(`${id}: ${text}`)
    );
  };

  const ask = async (id: string, status: number, method: string, path: string, init: RequestInit): Promise<void> => {
    const headers = { ...(init.headers as Record<string, string>), "X-Request-Id": id };
    await guarded.registry.expect(status, method, path, { ...init, headers });
  };

  const counted = async (reason: string): Promise<number> => {
    const metrics = await (await fetch(guarded.registry.metricsUrl)).text();
    const [, value = "0"] =
      new RegExp(`^berth_registry_refusals_total\\{reason="${reason}"\\} (\\d+)$`, "m").exec(metrics) ?? [];
    return Number(value);
  };

  it("are found in the log with reason, user, repository and request, and are counted", async () => {
    await start({ policies: TIGHT });
    const { bytes, digest } = randomContent(11);
    const body = new Uint8Array(bytes);
    await ask("access-1", 403, "DELETE", "/v2/team/app/manifests/v1", as("bob"));
    await ask("quota-1", 403, "POST", `/v2/team/full/blobs/uploads/?digest=${digest}`, { ...as("alice"), body });
    await ask("password-1", 401, "GET", "/v2/team/app/tags/list", {
      headers: { Authorization: basic("bob", "wrong") },
    });
    await ask("token-1", 401, "GET", "/v2/team/app/tags/list", bearer("e30.e30.e30"));
    const seen = ["access-1", "quota-1", "password-1", "token-1"].map((id) => {
      const { reason, status, user, account, repository, operation, address, method } = refusalOf(id);
      return { reason, status, user, account, repository, operation, address, method };
    });
    const common = { repository: "team/app", address: "127.0.0.1", user: undefined, account: undefined };
    assert.deepEqual(seen, [
      { ...common, reason: "access", status: 403, user: "bob", operation: "deleteManifest", method: "DELETE" },
      {
        ...common,
        reason: "quota",
        status: 403,
        user: "alice",
        repository: "team/full",
        operation: "startUpload",
        method: "POST",
      },
      { ...common, reason: "password", status: 401, account: "bob", operation: "listTags", method: "GET" },
      { ...common, reason: "token", status: 401, operation: "listTags", method: "GET" },
    ]);
    for (const reason of ["access", "quota", "password", "token"]) assert.equal(await counted(reason), 1, reason);
  });

  it("of those who ask too often are found with the user, or the address while nobody is known", async () => {
    await start(
      { rate: { perUser: { requestsPerSecond: 0.001, burst: 1 } } },
      { failures: { attempts: 1, windowSeconds: 300 } },
    );
    await guarded.registry.expect(200, "GET", "/v2/_catalog", as("alice"));
    await ask("rate-1", 429, "GET", "/v2/_catalog", as("alice"));
    await guarded.registry.expect(401, "GET", "/v2/_catalog", { headers: { Authorization: basic("bob", "wrong") } });
    await ask("lockout-1", 429, "GET", "/v2/_catalog", { headers: { Authorization: basic("bob", "wrong again") } });
    const [rate, lockout] = [refusalOf("rate-1"), refusalOf("lockout-1")];
    assert.deepEqual([rate["reason"], rate["user"], rate["repository"]], ["user_rate", "alice", undefined]);
    assert.deepEqual([lockout["reason"], lockout["account"], lockout["address"]], ["lockout", "bob", "127.0.0.1"]);
    assert.deepEqual([await counted("user_rate"), await counted("lockout")], [1, 1]);
  });

  it("hold nothing that a client made up: neither names that are nobody's, nor lines of their own", async () => {
    await start();
    const secret = "my-password-in-the-wrong-field";
    await ask("typo-1", 401, "GET", "/v2/team/app/tags/list", { headers: { Authorization: basic(secret, "x") } });
    await ask("typo-2", 401, "GET", `/token?account=${secret}`, { headers: { Authorization: basic(secret, "x") } });
    await ask("token-1", 401, "DELETE", "/v2/team/app/manifests/%0a%7B%22msg%22:%22forged%22%7D", bearer(secret));
    assert.equal(refusalOf("typo-1")["reason"], "password");
    assert.equal(refusalOf("typo-2")["operation"], "getToken");
    assert.equal(refusalOf("token-1")["reason"], "token");
    assert.ok(!text.includes(secret));
    assert.doesNotMatch(text, /^\{"msg":"forged"/m);
  });

  it("do not tell of those who only ask where to log in", async () => {
    await start();
    await guarded.registry.expect(401, "GET", "/v2/");
    await guarded.registry.expect(401, "GET", "/v2/team/app/tags/list");
    assert.ok(!text.includes("refused"));
    assert.equal(await counted("login"), 2);
  });
});
