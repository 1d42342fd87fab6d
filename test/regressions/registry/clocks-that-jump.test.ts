import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decodeProtectedHeader } from "jose";
import { pino } from "pino";

import { BerthError, isBerthError } from "../../../oci/errors.js";
import { FailedLogins } from "../../../registry/auth/failed-logins.js";
import { KeyDirectory } from "../../../registry/auth/key-directory.js";
import { KeyRing } from "../../../registry/auth/key-ring.js";
import { RemoteKeys } from "../../../registry/auth/remote-keys.js";
import { UserDirectory } from "../../../registry/auth/user-directory.js";
import { Absences } from "../../../registry/mirror/absences.js";
import { CircuitBreaker } from "../../../registry/mirror/circuit-breaker.js";
import { RoomHolds } from "../../../registry/policy/room-holds.js";
import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";
import { waitUntil } from "../../helpers/wait-until.js";
import { HTPASSWD } from "../../integration/registry/auth/support/guarded-registry.js";
import { ScriptedIssuer } from "../../integration/registry/auth/support/scripted-issuer.js";
import { MirrorRig } from "../../integration/registry/mirror/support/mirror-rig.js";

const DAY_MS = 24 * 3600_000;
const log = pino({ level: "silent" });

/**
 * Where the time of day was taken for how long something is ago, a host whose clock was ahead and then corrected went on with
 * what it knew before for as long as the correction was large: a removed user, a locked account, a tag, an upstream given up.
 */
describe("a clock that is put back by a day", () => {
  const { now } = Date;
  let directory: string;
  let aheadMs = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-clock-"));
    aheadMs = DAY_MS;
    Date.now = () => now() + aheadMs;
  });

  afterEach(() => {
    Date.now = now;
    rmSync(directory, { recursive: true });
  });

  const putBack = (): void => {
    aheadMs = 0;
  };

  it("keeps no removed user", async () => {
    const file = join(directory, "htpasswd");
    writeFileSync(file, HTPASSWD);
    const users = await UserDirectory.open(file, log);
    putBack();
    writeFileSync(file, "");
    await waitUntil("the file is looked at", () => users.look() !== undefined);
    await users.look();
    assert.equal(users.hashOf("alice"), undefined);
  });

  it("locks nobody out for longer than the window", () => {
    const logins = new FailedLogins({ attempts: 1, windowMs: 60_000 });
    logins.begin("alice", "192.0.2.1");
    putBack();
    assert.throws(
      () => logins.begin("alice", "192.0.2.1"),
      (error) => isBerthError(error, "TOO_MANY_REQUESTS") && Number(error.details["retryAfterSeconds"]) <= 60,
    );
  });

  it("does not keep an issuer's new key from being fetched", async () => {
    const issuer = await ScriptedIssuer.start();
    try {
      const times = { freshMs: 60_000, staleMs: 60_000, askEveryMs: 0, timeoutMs: 60_000 };
      const keys = new RemoteKeys({ issuer: issuer.url, jwks: `${issuer.url}/certs` }, log, times);
      const find = async (): Promise<unknown> => {
        const token = await issuer.token({});
        const [header = "", payload = "", signature = ""] = token.split(".");
        const input = { protected: header, payload, signature };
        return await keys.keyFor({ alg: "RS256", ...decodeProtectedHeader(token) }, input);
      };
      await find();
      putBack();
      await issuer.rotate("second");
      await find();
      assert.equal(issuer.requests, 2);
    } finally {
      await issuer.stop();
    }
  });

  it("does not keep keys that sign tokens from being rotated", async () => {
    const options = { algorithm: "ES256", rotateAfterMs: DAY_MS / 2, tokenLifetimeMs: DAY_MS } as const;
    const open = async (): Promise<number> => {
      const ring = await KeyRing.open(await KeyDirectory.open(directory, log), options, log);
      ring.close();
      return ring.published.keys.length;
    };
    assert.equal(await open(), 1);
    putBack();
    assert.equal(await open(), 2);
    for (const name of readdirSync(directory)) {
      const file = join(directory, name);
      const key = JSON.parse(readFileSync(file, "utf8")) as { createdAt: number };
      if (key.createdAt <= now()) writeFileSync(file, JSON.stringify({ ...key, createdAt: now() - DAY_MS }));
    }
    assert.equal(await open(), 3);
  });

  it("gives no upstream up for longer than it would be", () => {
    const breaker = new CircuitBreaker();
    for (let i = 0; i < 3; i++) breaker.failed();
    putBack();
    const wait = breaker.admit();
    assert.ok(wait > 0 && wait <= 5_000, String(wait));
  });

  it("lets what was not there be asked for again", async () => {
    const absences = new Absences();
    absences.note("key", new BerthError("BLOB_UNKNOWN", "not there"), 1);
    putBack();
    await waitUntil("the absence is forgotten", () => {
      try {
        absences.assertNotNoted("key");
        return true;
      } catch {
        return false;
      }
    });
  });

  it("has a mirror ask for a tag that was confirmed in what is now the future", async () => {
    const rig = await MirrorRig.start({ upstream: { tagFreshSeconds: 3600 } });
    try {
      const tag = "/v2/up/team/app/manifests/latest";
      await rig.mirror.expect(200, "GET", tag);
      await rig.mirror.expect(200, "GET", tag);
      assert.equal(rig.count("HEAD", "/manifests/latest"), 0);
      putBack();
      await rig.mirror.expect(200, "GET", tag);
      await rig.mirror.expect(200, "GET", tag);
      assert.equal(rig.count("HEAD", "/manifests/latest"), 1);
    } finally {
      await rig.stop();
    }
  });

  it("forgets the room that a killed process held for an addition", async () => {
    const store = await FilesystemObjectStore.open(directory);
    const holds = new RoomHolds(store);
    await holds.put({ repository: "app", addition: { kind: "tag", tag: "v1" } });
    assert.equal((await holds.list("app")).size, 1);
    putBack();
    assert.equal((await holds.list("app")).size, 0);
    await store.close();
  });
});
