import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ShimConnection } from "../../../engine/shim/shim-connection.js";

describe("a connection to a shim", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-shim-connection-"));
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it("is refused as to a container that does not run when the shim ends before it accepts", async () => {
    const path = join(directory, "ending");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const opening = ShimConnection.open(path);
    server.close();
    await assert.rejects(opening, { code: "CONTAINER_STATE" });
  });

  it("is refused likewise when there is no socket", async () => {
    await assert.rejects(ShimConnection.open(join(directory, "missing")), { code: "CONTAINER_STATE" });
  });
});
