#!/usr/bin/env -S node --
// The `--` keeps node's hands off berth's own flags: it would take the --env-file of `berth run` for its own.
// Starts the bundled command from V8's code cache: half of the time of a short verb would otherwise go into compiling it.
// The cache is made by the build; one of another Node version is not accepted by V8, and the source is compiled as usual.
import fs = require("node:fs");
import path = require("node:path");
import vm = require("node:vm");

// The registry is half of the code, and nobody else needs it read; an argument that only looks like its verb does no harm.
const file = path.join(__dirname, process.argv.includes("registry") ? "registry-main.js" : "main.js");
const script = new vm.Script(fs.readFileSync(file, "latin1"), { filename: file, cachedData: cacheOf(file) });
const bundle = { exports: {} as { main(argv: readonly string[]): Promise<number> } };
(script.runInThisContext() as (...wrapped: unknown[]) => void)(bundle.exports, require, bundle, file, __dirname);
void bundle.exports.main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});

function cacheOf(source: string): Buffer | undefined {
  try {
    return fs.readFileSync(`${source}.cache`);
  } catch {
    return undefined;
  }
}
