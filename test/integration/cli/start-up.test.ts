import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost } from "../../helpers/berth-host.js";
import { asRoot, describeWith, program } from "../../helpers/capabilities.js";
import { importBusybox } from "../../helpers/lesson-images.js";

/** Writes down what node has loaded when the process ends, and whether V8 took the code cache. */
const WITNESS = `
  const vm = require("node:vm");
  let rejected;
  vm.Script = class extends vm.Script {
    constructor(...args) {
      super(...args);
      rejected = this.cachedDataRejected;
    }
  };
  process.on("exit", () => {
    require("node:fs").writeFileSync(process.env.WITNESSED, JSON.stringify({ rejected, loaded: process.moduleLoadList }));
  });`;

describeWith([asRoot, program("/bin/busybox")], "what berth run loads", () => {
  const host = new BerthHost();
  after(() => host.dispose());

  it("is the build's code cache, and no module of node's that it does not need", async () => {
    await importBusybox(host, "busybox");
    const [witness, witnessed] = [join(host.directory, "witness.cjs"), join(host.directory, "witnessed.json")];
    writeFileSync(witness, WITNESS);
    Object.assign(host.env, { NODE_OPTIONS: `--require ${witness}`, WITNESSED: witnessed });
    host.run("run", "--rm", "busybox", "true");
    const { rejected, loaded } = JSON.parse(readFileSync(witnessed, "utf8")) as {
      rejected?: boolean;
      loaded: string[];
    };
    assert.equal(rejected, false);
    const needless = [
      "crypto",
      "zlib",
      "http",
      "https",
      "tls",
      "dns",
      "fs/promises",
      "child_process",
      "worker_threads",
    ];
    assert.deepEqual(
      needless.filter((name) => loaded.includes(`NativeModule ${name}`)),
      [],
    );
  });
});
