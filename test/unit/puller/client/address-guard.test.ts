import assert from "node:assert/strict";

import { BerthError } from "../../../../oci/errors.js";
import { AddressGuard, isPrivateAddress } from "../../../../puller/client/address-guard.js";

describe("isPrivateAddress", () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:10.0.0.1]",
    "[fd00::1]",
    "[fe80::1]",
    "[64:ff9b::a00:1]",
  ]) {
    it(`is true of ${address}`, () => {
      assert.equal(isPrivateAddress(address), true);
    });
  }

  for (const address of ["8.8.8.8", "172.32.0.1", "[2606:4700::1]", "[::ffff:8.8.8.8]", "example.com"]) {
    it(`is false of ${address}`, () => {
      assert.equal(isPrivateAddress(address), false);
    });
  }
});

describe("AddressGuard", () => {
  const isRefused = (own: string, url: string): boolean => {
    try {
      new AddressGuard(own).assertAllowed(new URL(url));
      return false;
    } catch (error) {
      assert.equal(error instanceof BerthError && error.code, "DENIED");
      return true;
    }
  };

  const looksUp = async (guard: AddressGuard, name: string): Promise<boolean> =>
    await new Promise((resolve) => {
      guard.lookup(name, { all: true }, (error) => {
        resolve(error === null);
      });
    });

  it("keeps a public registry from naming a private address, in whatever way it is written", () => {
    for (const host of ["169.254.169.254", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "10.0.0.1"]) {
      assert.equal(isRefused("8.8.8.8", `http://${host}/latest/meta-data`), true, host);
    }
    assert.equal(isRefused("8.8.8.8", "https://9.9.9.9/"), false);
  });

  it("lets a registry on a private network name others there", () => {
    assert.equal(isRefused("10.0.0.1", "http://10.0.0.2/"), false);
    assert.equal(isRefused("localhost", "http://127.0.0.2/"), false);
  });

  it("refuses names that stand for private addresses, when they are looked up for the connection", async () => {
    assert.equal(await looksUp(new AddressGuard("8.8.8.8"), "localhost"), false);
    assert.equal(await looksUp(new AddressGuard("127.0.0.1"), "localhost"), true);
    const own = new AddressGuard("localhost");
    assert.equal(await looksUp(own, "localhost"), true);
  });
});
