import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { BERTH } from "../../helpers/berth-host.js";
import { EngineHost } from "../../helpers/engine-host.js";

/** Of Debian's bsdutils: a terminal for a command. */
const SCRIPT = "/usr/bin/script";

describeWith([asRoot, program("/bin/busybox"), program(SCRIPT)], "a terminal in front of berth", () => {
  let host: EngineHost;
  before(async () => {
    host = await EngineHost.withBusybox();
  });
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  it("gets the output of run -it as the container's terminal made it, and is then as it was", () => {
    const settings = "stty -a | grep -o '[-]*opost'";
    const commands = `${settings}; "$NODE" "$BERTH" run --rm -it busybox sh -c 'echo a; echo b >&2'; ${settings}`;
    const { stdout } = spawnSync(SCRIPT, ["-qec", commands, "/dev/null"], {
      env: { ...host.env, NODE: process.execPath, BERTH },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.equal(stdout, "opost\r\na\r\nb\r\nopost\r\n");
  });
});
