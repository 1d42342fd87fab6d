import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";

import { nativeSources } from "./native-sources.mjs";
import { once, PROJECT, run, SetupError } from "./step.mjs";

const NATIVE = join(PROJECT, "runtime-native");

export function buildTypeScript() {
  removeOutputsWithoutSource();
  run(process.execPath, [join(PROJECT, "node_modules/typescript/bin/tsc"), "-p", PROJECT]);
}

/** tsc keeps what it once wrote: a test whose source was deleted would go on running. */
function removeOutputsWithoutSource() {
  const dist = join(PROJECT, "dist");
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true })) {
    if (!file.endsWith(".js") || file.startsWith("bin/")) continue;
    if (existsSync(join(PROJECT, file.replace(/\.js$/, ".ts")))) continue;
    rmSync(join(dist, file));
    rmSync(join(dist, ".tsbuildinfo"), { force: true });
  }
}

/** Builds the addon and berth-shim into dist/native, against the headers beside the running node. */
export function buildNative() {
  const sources = ["runtime-native/binding.gyp", ...nativeSources()];
  const inputs = sources.flatMap((file) => [file, readFileSync(join(PROJECT, file))]);
  const outputs = ["berth.node", "berth-shim"].map((file) => join(PROJECT, "dist/native", file));
  once("native", [process.version, process.arch, ...inputs], outputs, () => {
    const headers = nodeHeaders();
    run("flock", [
      NATIVE,
      process.execPath,
      join(PROJECT, "node_modules/node-gyp/bin/node-gyp.js"),
      "configure",
      "build",
      "--silent",
      `--directory=${NATIVE}`,
      `--nodedir=${headers}`,
      "--jobs=2",
    ]);
    install("berth.node");
    install("berth-shim");
  });
}

function install(file) {
  const target = join(PROJECT, "dist/native", file);
  mkdirSync(join(PROJECT, "dist/native"), { recursive: true });
  copyFileSync(join(NATIVE, "build/Release", file), `${target}.new`);
  renameSync(`${target}.new`, target);
}

/** The prefix that holds include/node/node_api.h for the running node. */
function nodeHeaders() {
  const prefix = resolve(process.execPath, "../..");
  if (existsSync(join(prefix, "include/node/node_api.h"))) return prefix;
  throw new SetupError(
    `Node's headers are not at ${prefix}/include/node: install the package that holds them (Debian: libnode-dev; ` +
      `NodeSource and nodejs.org: part of nodejs itself)`,
  );
}
