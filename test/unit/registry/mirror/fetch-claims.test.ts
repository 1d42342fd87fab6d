import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import type { Digest } from "../../../../oci/digest.js";
import { FetchClaim } from "../../../../registry/mirror/fetch-claim.js";
import { FetchClaims } from "../../../../registry/mirror/fetch-claims.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { ownProcessIdentity } from "../../../../storage/process-identity.js";
import { waitUntil } from "../../../helpers/wait-until.js";

const DIGEST: Digest = `sha256:${"a".repeat(64)}`;
const NAME = "_up/app";
const LOG = pino({ level: "silent" });
const [BOOT = "", NAMESPACE = ""] = ownProcessIdentity().split(".");
/** No process has this number. */
const DEAD = `${BOOT}.${NAMESPACE}.4194305.1`;
const ELSEWHERE = "another-boot.1.1.1";
const LONG_MS = 3600_000;

describe("claims on the fetch of a blob", () => {
  let root: string;
  let store: FilesystemObjectStore;
  const held: FetchClaim[] = [];

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "berth-claims-"));
    store = await FilesystemObjectStore.open(root);
  });

  afterEach(async () => {
    for (const claim of held.splice(0)) await claim.release();
    rmSync(root, { recursive: true });
  });

  const claimsOf = (identity?: string, leaseMs = LONG_MS): FetchClaims =>
    new FetchClaims(store, LOG, { leaseMs, ...(identity !== undefined && { identity }) });

  const claim = async (claims: FetchClaims, id: string, givenUp?: string): Promise<FetchClaim | string> => {
    const got = await claims.claim(NAME, DIGEST, id, givenUp);
    if (!(got instanceof FetchClaim)) return got.record.claim;
    held.push(got);
    return got;
  };

  const left = (): string[] => readdirSync(root).filter((name) => name !== ".staging");

  it("are given to one of many, and the others are told of that one", async () => {
    const got = await Promise.all(Array.from({ length: 10 }, async (_, i) => await claim(claimsOf(), `c${String(i)}`)));
    const [winner] = got.filter((one) => one instanceof FetchClaim);
    assert.ok(winner);
    const told = new Set(got.filter((one) => typeof one === "string"));
    assert.equal(told.size, 1);
    assert.equal(got.length - 1, got.filter((one) => typeof one === "string").length);
  });

  it("are free again once they are released, and leave nothing", async () => {
    const first = await claim(claimsOf(), "one");
    assert.ok(first instanceof FetchClaim);
    await first.release();
    assert.deepEqual(left(), []);
    assert.ok((await claim(claimsOf(), "two")) instanceof FetchClaim);
  });

  it("of a dead process go to one of those that want them", async () => {
    await claim(claimsOf(DEAD), "dead");
    const got = await Promise.all(
      [claimsOf(), claimsOf(), claimsOf()].map(async (it, i) => await claim(it, `c${String(i)}`)),
    );
    assert.equal(got.filter((one) => one instanceof FetchClaim).length, 1);
  });

  it("of another host go to others once they were seen not to be renewed", async () => {
    await claim(claimsOf(ELSEWHERE), "elsewhere");
    const here = claimsOf(undefined, 20);
    let got: FetchClaim | string | undefined;
    let asking = false;
    await waitUntil("it is taken over", () => {
      if (got instanceof FetchClaim) return true;
      if (asking) return false;
      asking = true;
      void claim(here, "here").then((answer) => {
        got = answer;
        asking = false;
      });
      return false;
    });
  });

  it("are renewed by new entries while they are held", async () => {
    await claim(claimsOf(ELSEWHERE, 60), "elsewhere");
    const entries = (): string[] => readdirSync(join(root, "fetches"), { recursive: true }).map(String);
    await waitUntil("it is renewed", () => entries().some((name) => name.endsWith("0000000003")));
  });

  it("go to who has seen that the holder does not go on, and the holder's end then does not end the other's", async () => {
    const [first, second] = [claimsOf(undefined, 60), claimsOf()];
    const slow = await claim(first, "slow");
    assert.ok(slow instanceof FetchClaim);
    assert.equal(await claim(second, "other"), "slow");
    assert.ok((await claim(second, "other", "slow")) instanceof FetchClaim);
    // Its next renewal tells it.
    await waitUntil("the loser knows", () => slow.isLost);
    await slow.release();
    assert.equal((await claimsOf().look(NAME, DIGEST))?.record.claim, "other");
  });

  it("that could not be ended are free for the process that had them", async () => {
    const claims = claimsOf();
    const first = await claim(claims, "one");
    assert.ok(first instanceof FetchClaim);
    const deleteOne = store.delete.bind(store);
    store.delete = async () => await Promise.reject(new Error("no"));
    await assert.rejects(first.release());
    store.delete = deleteOne;
    assert.ok((await claim(claims, "two")) instanceof FetchClaim);
  });

  it("of dead processes are swept, and no others", async () => {
    await claim(claimsOf(DEAD), "dead");
    const living = await claimsOf().claim("_up/other", DIGEST, "living");
    assert.ok(living instanceof FetchClaim);
    held.push(living);
    assert.equal(await claimsOf().sweep(), 1);
    assert.equal(await claimsOf().look(NAME, DIGEST), undefined);
    assert.equal((await claimsOf().look("_up/other", DIGEST))?.record.claim, "living");
  });
});
