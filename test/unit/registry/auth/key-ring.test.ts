import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { KeyDirectory } from "../../../../registry/auth/key-directory.js";
import { KeyRing, type KeyRingOptions } from "../../../../registry/auth/key-ring.js";

const HOUR = 3600_000;
const log = pino({ level: "silent" });
const OPTIONS: KeyRingOptions = { algorithm: "ES256", rotateAfterMs: 24 * HOUR, tokenLifetimeMs: HOUR };

interface Stored {
  createdAt: number;
}

describe("key ring", () => {
  let directory: string;
  const rings: KeyRing[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-keys-"));
  });

  afterEach(() => {
    for (const ring of rings.splice(0)) ring.close();
    rmSync(directory, { recursive: true });
  });

  const open = async (options: Partial<KeyRingOptions> = {}): Promise<KeyRing> => {
    const ring = await KeyRing.open(await KeyDirectory.open(directory, log), { ...OPTIONS, ...options }, log);
    rings.push(ring);
    return ring;
  };
  const age = (kid: string, ageMs: number): void => {
    const file = join(directory, `${kid}.json`);
    const key = JSON.parse(readFileSync(file, "utf8")) as Stored;
    writeFileSync(file, JSON.stringify({ ...key, createdAt: Date.now() - ageMs }));
  };
  const kids = (ring: KeyRing): (string | undefined)[] => ring.published.keys.map(({ kid }) => kid);

  it("goes on with the keys that are there", async () => {
    const first = (await open()).signing.kid;
    assert.equal((await open()).signing.kid, first);
    assert.deepEqual(readdirSync(directory), [`${first}.json`]);
  });

  it("makes a new key when the newest is old, signs with the old one until others know it, and drops that in the end", async () => {
    const old = (await open()).signing.kid;
    age(old, 25 * HOUR);
    const ring = await open();
    assert.equal(kids(ring).length, 2);
    assert.equal(ring.signing.kid, old);
    const [next = ""] = kids(ring).filter((kid) => kid !== old);
    age(next, 0.5 * HOUR);
    const later = await open();
    assert.equal(later.signing.kid, next);
    assert.equal((await later.find(old))?.kid, old);
    age(next, 2 * HOUR);
    await open();
    const last = await open();
    assert.deepEqual(kids(last), [next]);
  });

  it("finds what another replica has just made, but is not made to look all the time", async () => {
    const vault = await KeyDirectory.open(directory, log);
    const list = vault.list.bind(vault);
    let listings = 0;
    vault.list = async () => {
      listings++;
      return await list();
    };
    const one = await KeyRing.open(vault, OPTIONS, log);
    rings.push(one);
    const other = await open({ algorithm: "EdDSA" });
    const { kid } = other.signing;
    while ((await one.find(kid)) === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(one.signing.alg, "ES256");
    const [before, started] = [listings, performance.now()];
    for (let i = 0; i < 1000; i++) assert.equal(await one.find(`made up ${String(i)}`), undefined);
    const seconds = (performance.now() - started) / 1000;
    assert.ok(listings - before <= 2 + seconds, `${String(listings - before)} looks in ${String(seconds)} s`);
  });

  it("leaves out files that are no keys, and keys under another's name", async () => {
    const { kid } = (await open()).signing;
    writeFileSync(join(directory, "other.json"), readFileSync(join(directory, `${kid}.json`)));
    writeFileSync(join(directory, "broken.json"), "{");
    writeFileSync(
      join(directory, "secret.json"),
      JSON.stringify({ kid: "secret", alg: "HS256", createdAt: 1, jwk: { kty: "oct", k: "AA" } }),
    );
    writeFileSync(join(directory, "README"), "");
    assert.deepEqual(kids(await open()), [kid]);
  });
});
