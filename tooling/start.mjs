// `npm start`: set up what is missing, then serve the registry until Ctrl-C.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

import { PROJECT } from "./step.mjs";

const setup = spawnSync(process.execPath, [join(PROJECT, "tooling/setup.mjs")], { stdio: "inherit" });
if (setup.status !== 0) process.exit(setup.status ?? 1);

console.log(`
berth is set up. In another shell, in this folder:

  npx berth import ROOTFS-DIR-OR-TAR 127.0.0.1:5000/debian:12
  npx berth push 127.0.0.1:5000/debian:12 127.0.0.1:5000/debian:12
  npx berth pull 127.0.0.1:5000/debian:12
  npx berth run --rm -it --memory 64m --cpus 0.2 127.0.0.1:5000/debian:12 bash
  npx berth --help

Ctrl-C stops the registry; what was pushed stays.
`);
process.argv = [process.execPath, "berth", "registry", "serve", ...process.argv.slice(2)];
await import("../dist/bin/berth.js");
