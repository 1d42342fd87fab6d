import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";

import { FilesystemObjectStore } from "../../../storage/filesystem/filesystem-object-store.js";

/** `--root /registry`, as in a container whose volume is not there yet: the way up from there to be synced never ended. */
describe("a store in a directory right below /", () => {
  let root: string;

  beforeEach(() => {
    root = `/berth-test-${randomUUID()}`;
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  for (const below of ["", "/a/b"]) {
    it(`is made where it is missing: /x${below}`, async () => {
      const store = await FilesystemObjectStore.open(`${root}${below}`);
      await store.put("some/key", Buffer.from("bytes"));
      assert.equal((await store.get("some/key")).toString(), "bytes");
      await store.close();
    });
  }
});
