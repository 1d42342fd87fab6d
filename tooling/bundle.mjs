import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { PROJECT, SetupError } from "./step.mjs";

const TARGET = join(PROJECT, "dist/bin");

/** Libraries that every verb needs are part of main.js; each other one is a file of its own, read by the verbs that use it. */
const IN_MAIN = ["commander"];

/** What cli/bin.cts takes: all of berth where the command line speaks of the registry, else what is left without it, half of the code. */
const MAINS = [
  { file: "registry-main.js", plugins: [], warmUp: [["registry", "serve", "--help"]] },
  {
    file: "main.js",
    plugins: [withoutRegistry()],
    warmUp: [
      ["run", "--rm", "--pull", "never", "--network", "none", "warm-up", "/berth-shim"],
      ...["ps", "images"].map((verb) => [verb]),
      ...["run", "exec", "rm", "stop", "wait", "logs", "inspect", "pull", "push"].map((verb) => [verb, "--help"]),
    ],
  },
];

/**
 * Bundles the command into dist/bin: berth.js (cli/bin.cts), MAINS, for each of them a .cache (V8's compiled form of what
 * the usual verbs run), and a file for each library. Each is renamed into place, so that a command that starts meanwhile finds
 * a whole one.
 */
export async function bundleCommand() {
  const { build } = await import("esbuild");
  const work = `${TARGET}.${String(process.pid)}`;
  const common = { platform: "node", format: "cjs", target: "node20", logLevel: "warning" };
  try {
    await build({ ...common, entryPoints: [join(PROJECT, "cli/bin.cts")], outfile: join(work, "berth.js") });
    // `import()` becomes a late `require`: V8's code cache knows no way to import.
    const bundled = { ...common, bundle: true, minify: true, keepNames: true, supported: { "dynamic-import": false } };
    const libraries = new Map();
    for (const { file, plugins } of MAINS) {
      await build({
        ...bundled,
        entryPoints: [join(PROJECT, "cli/main.ts")],
        outfile: join(work, file),
        define: { "import.meta.url": "__importMetaUrl" },
        // One expression, for cli/bin.cts: node's own wrapper would take a copy of it all at each start.
        banner: {
          js: `(function (exports, require, module, __filename, __dirname) {
            const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;`,
        },
        footer: { js: "})" },
        plugins: [...plugins, builtinsWhenUsed, librariesApart(libraries)],
      });
    }
    for (const [library, file] of libraries) {
      await build({
        ...bundled,
        stdin: { contents: `module.exports = require("${library}");`, resolveDir: PROJECT },
        outfile: join(work, file),
        // Libraries in machine code (bcrypt) lie beside what loads them.
        loader: { ".node": "copy" },
        assetNames: "[name]",
      });
    }
    // The project's own package.json says "module".
    writeFileSync(join(work, "package.json"), '{ "type": "commonjs" }\n');
    chmodSync(join(work, "berth.js"), 0o755);
    for (const main of MAINS) writeCodeCache(work, main);
    mkdirSync(TARGET, { recursive: true });
    // The cache after the source: V8 does not accept it for another source's length, but may for one of the same length.
    const mains = MAINS.flatMap(({ file }) => [file, `${file}.cache`]);
    for (const file of mains) if (file.endsWith(".cache")) rmSync(join(TARGET, file), { force: true });
    const addons = readdirSync(work).filter((file) => file.endsWith(".node"));
    for (const file of ["package.json", ...addons, ...libraries.values(), ...mains, "berth.js"]) {
      renameSync(join(work, file), join(TARGET, file));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** esbuild plugin: a package outside IN_MAIN is required from a file of its own beside the bundle. */
function librariesApart(libraries) {
  return {
    name: "libraries-apart",
    setup(esbuild) {
      esbuild.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === "entry-point" || path.startsWith("node:") || IN_MAIN.includes(path)) return undefined;
        const file = `library-${path.replace(/[^a-z0-9]+/g, "-")}.js`;
        libraries.set(path, file);
        return { path: `./${file}`, external: true };
      });
    },
  };
}

/** esbuild plugin: the registry's verbs are in another file. */
function withoutRegistry() {
  return {
    name: "without-registry",
    setup(esbuild) {
      esbuild.onResolve({ filter: /\/commands\/registry\.js$/ }, ({ path }) => ({ path, namespace: "elsewhere" }));
      esbuild.onLoad({ filter: /^/, namespace: "elsewhere" }, () => ({ contents: "" }));
    },
  };
}

/** What node has loaded before it comes to a script. */
const LOADED_BY_NODE = ["buffer", "events", "fs", "path", "process", "timers", "url", "util"];

/**
 * esbuild plugin: each other module of node's is loaded when something of it is first used, for that takes milliseconds: three
 * for crypto, which `berth run` imports with its verbs' code and never calls.
 */
const builtinsWhenUsed = {
  name: "builtins-when-used",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^[^./]/ }, ({ path, namespace }) => {
      const name = path.replace(/^node:/, "");
      if (namespace === "when-used" || !isBuiltin(path) || LOADED_BY_NODE.includes(name)) return undefined;
      return { path: `node:${name}`, namespace: "when-used" };
    });
    esbuild.onLoad({ filter: /^/, namespace: "when-used" }, ({ path }) => ({
      // A prototype, for esbuild's imports copy what the exports own and inherit the rest.
      contents: `
        let builtin;
        module.exports = Object.create(new Proxy({}, { get: (_, name) => (builtin ??= require("${path}"))[name] }));`,
    }));
  },
};

const WARM_UP_TIMEOUT_MS = 120_000;

/**
 * Keeps what V8 has compiled after the usual verbs have run. What they have not called is not part of that, so a container is run
 * too: its program is the shim, which needs no library and ends at once. Where that is refused (no root, no cgroups), the cache
 * holds what was called until then.
 */
function writeCodeCache(work, { file, warmUp }) {
  const state = mkdtempSync(join(tmpdir(), "berth-build-"));
  const environment = { ...process.env, BERTH_ROOT: join(state, "root"), BERTH_RUN: join(state, "run") };
  const run = (args) =>
    spawnSync(process.execPath, args, { encoding: "utf8", env: environment, timeout: WARM_UP_TIMEOUT_MS });
  const script = `
    const fs = require("node:fs"), vm = require("node:vm"), path = require("node:path");
    const [, file, name, commandLines] = process.argv;
    const script = new vm.Script(fs.readFileSync(file, "latin1"), { filename: name });
    const bundle = { exports: {} };
    script.runInThisContext()(bundle.exports, require("node:module").createRequire(file), bundle, file, path.dirname(file));
    void (async () => {
      for (const commandLine of JSON.parse(commandLines)) await bundle.exports.main(commandLine);
      fs.writeFileSync(file + ".cache", script.createCachedData());
    })();`;
  try {
    const image = join(state, "image.tar");
    spawnSync("tar", ["--create", "--file", image, "--directory", join(PROJECT, "dist/native"), "berth-shim"]);
    run([join(work, "berth.js"), "import", image, "warm-up"]);
    const { status, stderr } = run(["-e", script, join(work, file), join(TARGET, file), JSON.stringify(warmUp)]);
    if (status !== 0) throw new SetupError(`the code cache could not be made: ${stderr}`);
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}
