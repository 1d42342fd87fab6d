import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "node:http";

import { randomContent } from "../support/content.js";
import { as, bearer, GuardedRegistry, settingsIn } from "./support/guarded-registry.js";

describe("registry with access rules", () => {
  let guarded: GuardedRegistry;
  const blob = randomContent(1000);

  before(async () => {
    guarded = await GuardedRegistry.start();
    for (const name of ["team/app", "secret/app", "public/app", "users/carol/app"]) {
      await guarded.registry.expect(201, "POST", `/v2/${name}/blobs/uploads/?digest=${blob.digest}`, {
        ...as("alice"),
        body: new Uint8Array(blob.bytes),
      });
    }
  });

  after(async () => {
    await guarded.stop();
  });

  const challengeOf = async (path: string, init: RequestInit = {}, method = "GET"): Promise<string> => {
    const answer = await guarded.registry.expect(401, method, path, init);
    return answer.headers.get("WWW-Authenticate") ?? "";
  };

  it("tells clients at /v2/ to get a token, also where some things are public", async () => {
    const realm = `Bearer realm="${guarded.registry.url}/token",service="berth"`;
    assert.equal(await challengeOf("/v2/"), realm);
    await guarded.registry.expect(200, "GET", "/v2/", as("bob"));
    await guarded.registry.expect(200, "GET", "/v2/", bearer(await guarded.token("bob")));
    await guarded.registry.expect(200, "GET", "/v2/", bearer(await guarded.token(undefined)));
    assert.equal(await challengeOf("/v2/", bearer("x.y.z")), `${realm},error="invalid_token"`);
  });

  it("tells nobody who may only push that a blob is there, not by asking to close an upload that is none", async () => {
    const closing = `/v2/secret/app/blobs/uploads/${randomUUID()}?digest=${blob.digest}`;
    const { registry } = guarded;
    const may = async (...actions: readonly string[]): Promise<RequestInit> =>
      bearer(await guarded.token("alice", `repository:secret/app:${actions.join()}`));
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "PUT", closing, await may("push"));
    await registry.expect(201, "PUT", closing, await may("pull", "push"));
    await registry.expectError(401, "UNAUTHORIZED", "PUT", closing, await may("pull"));
  });

  it("sends clients for tokens to where they see the registry, and to no place that a header makes up", async () => {
    const realmFor = async (url: string, headers: Record<string, string>): Promise<string> =>
      await new Promise((resolve, reject) => {
        request(`${url}/v2/`, { headers, agent: false }, (answer) => {
          answer.resume();
          resolve(/realm="([^"]*)"/.exec(answer.headers["www-authenticate"] ?? "")?.[1] ?? "");
        })
          .on("error", reject)
          .end();
      });
    const { url } = guarded.registry;
    const forwarded = { "X-Forwarded-Host": "registry.example, inner", "X-Forwarded-Proto": "https, http" };
    assert.equal(await realmFor(url, { Host: "here.example:5000" }), "http://here.example:5000/token");
    for (const host of ['x",service="y', "a/b", "a b", "user@evil.example", ""]) {
      assert.equal(await realmFor(url, { Host: host }), `${url}/token`, host);
    }
    assert.equal(await realmFor(url, { Host: "here.example", ...forwarded }), "http://here.example/token");
    const behind = await GuardedRegistry.start({}, { trustForwarded: true });
    const named = await GuardedRegistry.start({}, { url: "https://registry.example/" });
    try {
      assert.equal(await realmFor(behind.registry.url, forwarded), "https://registry.example/token");
      assert.equal(await realmFor(named.registry.url, { Host: "other.example" }), "https://registry.example/token");
    } finally {
      await behind.stop();
      await named.stop();
    }
  });

  it("names in the challenge what the request takes", async () => {
    const scope = async (path: string, method = "GET"): Promise<string> =>
      /scope="([^"]*)"/.exec(await challengeOf(path, {}, method))?.[1] ?? "";
    assert.equal(await scope(`/v2/team/app/blobs/${blob.digest}`), "repository:team/app:pull");
    assert.equal(await scope("/v2/public/app/manifests/v1", "PUT"), "repository:public/app:pull,push");
    assert.equal(await scope("/v2/public/app/manifests/v1", "DELETE"), "repository:public/app:delete");
    assert.equal(await scope("/v2/_catalog"), "registry:catalog:*");
    const mount = `/v2/public/app/blobs/uploads/?mount=${blob.digest}`;
    assert.equal(
      await scope(`${mount}&from=team/app`, "POST"),
      "repository:public/app:pull,push repository:team/app:pull",
    );
    for (const path of [mount, `${mount}&from=${encodeURIComponent('a:x,realm="')}`]) {
      assert.equal(await scope(path, "POST"), "repository:public/app:pull,push");
    }
  });

  it("lets everybody do what the rules say and nothing else", async () => {
    const { registry } = guarded;
    const path = (name: string): string => `/v2/${name}/blobs/${blob.digest}`;
    await registry.expect(200, "GET", path("public/app"));
    await registry.expect(200, "GET", path("team/app"), as("bob"));
    await registry.expect(200, "HEAD", path("users/carol/app"), as("carol"));
    await registry.expectError(403, "DENIED", "GET", path("secret/app"), as("bob"));
    await registry.expectError(403, "DENIED", "GET", path("users/carol/app"), as("bob"));
    await registry.expectError(403, "DENIED", "DELETE", path("team/app"), as("bob"));
    await registry.expectError(403, "DENIED", "POST", "/v2/team/app/blobs/uploads/", as("bob"));
    await registry.expectError(403, "DENIED", "POST", "/v2/users/bob/blobs/uploads/", as("bob"));
    await registry.expect(202, "POST", "/v2/users/bob/x/blobs/uploads/", as("bob"));
    assert.equal(
      (await registry.expect(403, "GET", path("secret/app"), as("bob"))).headers.get("WWW-Authenticate"),
      null,
    );
  });

  it("answers alike for what is not there and what may not be seen", async () => {
    const { registry } = guarded;
    const answers = async (name: string, init: RequestInit): Promise<unknown[]> =>
      await Promise.all(
        [`blobs/${blob.digest}`, "manifests/v1", "tags/list", `referrers/${blob.digest}`].map(async (rest) => {
          const answer = await registry.fetch("GET", `/v2/${name}/${rest}`, init);
          const headers = [...answer.headers].filter(([key]) => !["date", "x-request-id"].includes(key));
          return [answer.status, headers, await answer.text()].map((one) =>
            JSON.stringify(one).replaceAll(name, "NAME"),
          );
        }),
      );
    for (const init of [{}, as("bob"), bearer(await guarded.token("bob", "repository:team/app:pull"))]) {
      assert.deepEqual(await answers("secret/app", init), await answers("secret/xyz", init));
    }
  });

  it("holds a token to what it is for, and says that another would do", async () => {
    const { registry } = guarded;
    const token = bearer(await guarded.token("alice", "repository:team/app:pull"));
    await registry.expect(200, "GET", `/v2/team/app/blobs/${blob.digest}`, token);
    for (const path of [`/v2/secret/app/blobs/${blob.digest}`, "/v2/_catalog"]) {
      assert.match(await challengeOf(path, token), /error="insufficient_scope"$/);
    }
    assert.match(
      await challengeOf("/v2/team/app/blobs/uploads/", token, "POST"),
      /pull,push",error="insufficient_scope"/,
    );
    // Somebody who may not, with any token, is told so.
    const bobs = bearer(await guarded.token("bob", "repository:secret/app:pull"));
    await registry.expectError(403, "DENIED", "GET", `/v2/secret/app/blobs/${blob.digest}`, bobs);
    const nobodys = bearer(await guarded.token(undefined, "repository:team/app:pull"));
    await challengeOf("/v2/team/app/tags/list", nobodys);
  });

  it("lists to each the repositories that they may pull", async () => {
    const list = async (init: RequestInit, query = ""): Promise<unknown> => {
      const answer = await guarded.registry.expect(200, "GET", `/v2/_catalog${query}`, init);
      return ((await answer.json()) as { repositories: unknown }).repositories;
    };
    assert.deepEqual(await list(as("alice")), ["public/app", "secret/app", "team/app", "users/carol/app"]);
    assert.deepEqual(await list(as("bob")), ["public/app", "team/app"]);
    assert.deepEqual(await list(as("bob"), "?n=1&last=public/app"), ["team/app"]);
    assert.deepEqual(await list(bearer(await guarded.token("bob", "registry:catalog:*"))), ["public/app", "team/app"]);
    await guarded.registry.expectError(403, "DENIED", "GET", "/v2/_catalog", as("carol"));
  });

  it("mounts only from where the caller may pull, and else goes on as if it were not there", async () => {
    const { registry } = guarded;
    const mount = async (status: number, init: RequestInit, from: string, to = "users/bob/new"): Promise<void> => {
      await registry.expect(status, "POST", `/v2/${to}/blobs/uploads/?mount=${blob.digest}${from}`, init);
    };
    const push = "repository:users/bob/new:pull,push";
    await mount(202, as("bob"), "");
    await mount(202, as("bob"), "&from=secret/app");
    await mount(202, as("bob"), "&from=users/carol/app");
    await mount(202, bearer(await guarded.token("bob", push)), "&from=team/app");
    await mount(202, bearer(await guarded.token("bob", push)), "");
    await registry.expect(404, "HEAD", `/v2/users/bob/new/blobs/${blob.digest}`, as("bob"));
    await mount(201, bearer(await guarded.token("bob", push, "repository:team/app:pull")), "", "users/bob/new");
    const challenged = await challengeOf(
      `/v2/users/bob/asked/blobs/uploads/?mount=${blob.digest}&from=team/app`,
      {},
      "POST",
    );
    const asked = /scope="([^"]*)"/.exec(challenged)?.[1] ?? "";
    await mount(201, bearer(await guarded.token("bob", asked)), "&from=team/app", "users/bob/asked");
    await mount(201, as("bob"), "&from=team/app", "users/bob/other");
    await mount(201, as("bob"), "", "users/bob/other");
    await mount(201, as("alice"), "", "any/where");
  });

  it("keeps uploads and what manifests name to their repository", async () => {
    const { registry } = guarded;
    const begun = await registry.expect(202, "POST", "/v2/secret/app/blobs/uploads/", as("alice"));
    const id = (begun.headers.get("Location") ?? "").split("/").at(-1) ?? "";
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "GET", `/v2/users/bob/x/blobs/uploads/${id}`, as("bob"));
    await registry.expectError(404, "BLOB_UPLOAD_UNKNOWN", "DELETE", `/v2/users/bob/x/blobs/uploads/${id}`, as("bob"));
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: blob.digest, size: 1000 },
      layers: [],
    };
    await registry.expectError(404, "MANIFEST_BLOB_UNKNOWN", "PUT", "/v2/users/bob/x/manifests/v1", {
      headers: { ...as("bob").headers, "Content-Type": manifest.mediaType },
      body: JSON.stringify(manifest),
    });
  });

  it("takes changed rules into use without a restart, also for tokens given before", async () => {
    const other = await GuardedRegistry.start();
    try {
      const { registry } = other;
      const token = bearer(await other.token("bob", "repository:team/app:pull"));
      await registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/team/app/tags/list", token);
      await registry.reload(settingsIn(other.directory, { access: [{ users: ["alice"], actions: ["pull"] }] }));
      await registry.expectError(403, "DENIED", "GET", "/v2/team/app/tags/list", token);
    } finally {
      await other.stop();
    }
  });
});
