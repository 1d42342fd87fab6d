import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";

import { pino } from "pino";

import { as, basic, bearer, GuardedRegistry, HTPASSWD } from "./support/guarded-registry.js";

const FEW = { failures: { attempts: 3, windowSeconds: 300 } };

describe("registry with passwords", () => {
  const withRegistry = async (
    test: (guarded: GuardedRegistry) => Promise<void>,
    ...args: Parameters<typeof GuardedRegistry.start>
  ): Promise<void> => {
    const guarded = await GuardedRegistry.start(...args);
    try {
      await test(guarded);
    } finally {
      await guarded.stop();
    }
  };
  const login = async ({ registry }: GuardedRegistry, user: string, password?: string): Promise<number> =>
    (await registry.fetch("GET", "/v2/", { headers: { Authorization: basic(user, password) } })).status;

  it("takes hashes of each kind of bcrypt, and nothing else for a password", async () => {
    await withRegistry(async (guarded) => {
      for (const user of ["alice", "bob", "carol"]) assert.equal(await login(guarded, user), 200, user);
      for (const [user, password] of [
        ["alice", ""],
        ["alice", "alice-password "],
        ["alice", "alice-password\0"],
        ["alice", HTPASSWD.split("\n")[0]?.slice("alice:".length)],
        ["", "alice-password"],
        ["Alice", "alice-password"],
        ["nobody", "nobody-password"],
      ] as const) {
        assert.equal(await login(guarded, user, password), 401, `${user}:${String(password)}`);
      }
      for (const header of ["Basic", "Basic !", "Basic YWxpY2U=", "Digest x", "Bearer", "Bearer  ", "alice"]) {
        await guarded.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", { headers: { Authorization: header } });
      }
    });
  });

  it("locks an account for an address after some wrong passwords, and no other account", async () => {
    await withRegistry(async (guarded) => {
      const { registry } = guarded;
      // What is remembered is no way around.
      assert.equal(await login(guarded, "alice"), 200);
      for (let i = 0; i < 3; i++) assert.equal(await login(guarded, "alice", String(i)), 401);
      for (const password of ["3", "alice-password"]) {
        const headers = { Authorization: basic("alice", password) };
        const answer = await registry.expectError(429, "TOOMANYREQUESTS", "GET", "/token", { headers });
        const seconds = Number(answer.headers.get("Retry-After"));
        assert.ok(seconds > 200 && seconds <= 300, String(seconds));
        await registry.expect(429, "GET", "/v2/", { headers });
      }
      assert.equal(await login(guarded, "bob"), 200);
      const form = new URLSearchParams({ grant_type: "password", username: "alice", password: "alice-password" });
      await registry.expect(429, "POST", "/token", { body: form });
    }, FEW);
  });

  it("counts guesses that come all at once, for names that are not there as well", async () => {
    await withRegistry(async (guarded) => {
      for (const user of ["alice", "nobody"]) {
        const statuses = await Promise.all(
          Array.from({ length: 20 }, async (_, i) => await login(guarded, user, String(i))),
        );
        assert.equal(statuses.filter((status) => status === 401).length, 3);
        assert.equal(statuses.filter((status) => status === 429).length, 17);
      }
    }, FEW);
  });

  it("limits what one address may try of many accounts, and believes a proxy for the address", async () => {
    await withRegistry(
      async ({ registry }) => {
        const guess = async (user: string, address: string): Promise<number> => {
          const headers = { Authorization: basic(user, "wrong"), "X-Forwarded-For": address };
          return (await registry.fetch("GET", "/v2/", { headers })).status;
        };
        const all: number[] = [];
        for (let i = 0; i < 12; i++) all.push(await guess(`user${String(i)}`, "forged, 2001:db8:1:2::7"));
        assert.deepEqual(all, [...Array.from({ length: 10 }, () => 401), 429, 429]);
        // The host's other addresses, and another host.
        assert.equal(await guess("alice", "2001:db8:1:2:ffff::1"), 429);
        assert.equal(await guess("alice", "2001:db8:1:3::7"), 401);
      },
      { failures: { attempts: 1, windowSeconds: 300 } },
      { trustForwarded: true },
    );
  });

  it("counts many right logins at once as what they are", async () => {
    await withRegistry(async (guarded) => {
      const statuses = await Promise.all(Array.from({ length: 20 }, async () => await login(guarded, "alice")));
      assert.deepEqual(new Set(statuses), new Set([200]));
    }, FEW);
  });

  it("keeps the users it has when the file becomes unreadable, and leaves out lines that do not count", async () => {
    const lines: string[] = [];
    const log = pino(
      { level: "warn" },
      new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }),
    );
    await withRegistry(
      async (guarded) => {
        const file = join(guarded.directory, "htpasswd");
        const sha1 = "eve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";
        const bobsHash = (readFileSync(file, "utf8").split("\n")[1] ?? "").slice("bob:".length);
        writeFileSync(file, `${HTPASSWD}${sha1}\n../x:${bobsHash}\nalice:${bobsHash}\nno colon\n`);
        assert.equal(await login(guarded, "eve", "password"), 401);
        assert.equal(await login(guarded, "../x", "bob-password"), 401);
        assert.equal(await login(guarded, "alice", "bob-password"), 401);
        assert.equal(await login(guarded, "alice"), 200);
        const { problems } = JSON.parse(lines.at(-1) ?? "{}") as { problems: string[] };
        assert.deepEqual(problems, [
          "line 4: the hash of eve is no bcrypt",
          "line 5: the name has other characters than letters, digits and . _ @ + -",
          "line 6: alice is there already",
          "line 7: is not name:hash",
        ]);
      },
      {},
      { log },
    );
  });

  it("puts no name of a client's choice on a line or header of its own", async () => {
    const lines: string[] = [];
    const log = pino(
      { level: "trace" },
      new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }),
    );
    await withRegistry(
      async (guarded) => {
        const name = 'x"\r\nWWW-Authenticate: Basic realm="evil"\n{"level":60,"msg":"forged"}\u001b[2J';
        const answer = await guarded.registry.expect(401, "GET", "/v2/team/app/tags/list", {
          headers: { Authorization: basic(name, "x") },
        });
        assert.doesNotMatch(JSON.stringify([...answer.headers]), /evil/);
        assert.doesNotMatch(await answer.text(), /evil/);
        const forged = await guarded.registry.fetch("GET", `/token?service=${encodeURIComponent(name)}`);
        assert.equal(forged.status, 400);
        for (const line of lines) {
          assert.equal(line.indexOf("\n"), line.length - 1);
          JSON.parse(line);
          assert.ok(!line.includes("\u001b"));
        }
        assert.ok(!lines.join("").includes("alice-password"));
      },
      {},
      { log },
    );
  });

  it("shares keys between replicas by the store when they have the secret, sealed", async () => {
    const keys = { secret: "0123456789abcdef0123456789abcdef" };
    await withRegistry(
      async (one) => {
        const root = one.registry.directory;
        await withRegistry(
          async (other) => {
            const token = bearer(await one.token("alice", "repository:team/app:pull"));
            await other.registry.expectError(404, "NAME_UNKNOWN", "GET", "/v2/team/app/tags/list", token);
            const stored = one.registry.files("auth/keys");
            assert.ok(stored.length >= 1);
            for (const file of stored) {
              const bytes = readFileSync(join(root, "auth/keys", file));
              for (const word of ["kty", "jwk", "OKP"]) assert.ok(!bytes.includes(word), "it can be read");
            }
            await withRegistry(
              async (stranger) => {
                await stranger.registry.expectError(401, "UNAUTHORIZED", "GET", "/v2/", token);
              },
              { keys: { secret: "another secret of 32 characters!" } },
              { root },
            );
          },
          { keys },
          { root },
        );
      },
      { keys },
    );
  });

  it("asks nobody to log in where nobody can", async () => {
    await withRegistry(
      async ({ registry }) => {
        await registry.expect(200, "GET", "/v2/");
        await registry.expect(404, "GET", "/v2/public/x/tags/list");
        await registry.expect(401, "GET", "/v2/team/x/tags/list");
        await registry.expect(401, "GET", "/v2/", as("alice"));
      },
      { htpasswd: undefined },
    );
  });
});
