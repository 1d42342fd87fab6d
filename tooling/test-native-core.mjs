// Builds the C++ of core/ and layers/ without Node under sanitizers and runs it over layers, honest and damaged.
//   node tooling/test-native-core.mjs            AddressSanitizer and UndefinedBehaviorSanitizer
//   node tooling/test-native-core.mjs --thread   ThreadSanitizer
//   node tooling/test-native-core.mjs --libfuzzer [SECONDS]   libFuzzer on the tar reader, where clang has its runtime
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

import { nativeSources } from "./native-sources.mjs";
import { once, PROJECT, run, SetupError } from "./step.mjs";

const PROGRAM = "test/fuzz/runtime-native/layers/unpack_under_sanitizers.cc";
const HEADERS = join(resolve(process.execPath, "../.."), "include/node");
const ROUNDS = "400";

/** One archive a line: made by GNU tar from the same small tree. */
const LAYERS = {
  "posix.tar": "--format=posix --xattrs",
  "posix.tar.gz": "-z --format=posix",
  "sparse-posix.tar": "-S --format=posix",
  "sparse-0.0.tar": "-S --format=posix --sparse-version=0.0",
  "sparse-0.1.tar": "-S --format=posix --sparse-version=0.1",
  "gnu.tar": "-S --format=gnu",
  "v7.tar": "--format=v7",
};

const TREE = `
  mkdir -p d/e .tmp; echo one > d/one; ln d/one hard; ln -s d/one soft; mkfifo pipe
  long=$(printf 'n%.0s' {1..120}); echo long > $long; ln -s $long/$long/$long longlink
  truncate -s 4M holes; echo tail >> holes; echo 1 > d/.wh.gone; touch d/e/.wh..wh..opq; head -c 90000 /dev/urandom > random
`;

try {
  const kind = process.argv[2] ?? "--address";
  const program = build(kind);
  const work = mkdtempSync(join(tmpdir(), "berth-sanitizers-"));
  try {
    const layers = makeLayers(work);
    if (kind === "--libfuzzer") run(program, [`-max_total_time=${process.argv[3] ?? "60"}`, join(work, "layers")]);
    else run(program, [work, kind === "--thread" ? "80" : ROUNDS, ...layers]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function build(kind) {
  const flags = {
    "--address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "--thread": ["-fsanitize=thread"],
    "--libfuzzer": ["-fsanitize=fuzzer,address,undefined", "-DBERTH_LIBFUZZER"],
  }[kind];
  if (!flags) throw new SetupError(`unknown option ${kind}: use --address, --thread or --libfuzzer`);
  const sources = nativeSources().filter((file) => /runtime-native\/(core|layers)\//.test(file));
  const directory = join(PROJECT, "dist/native");
  const output = join(directory, `unpack-under${kind.slice(1)}`);
  const inputs = [...sources, PROGRAM].map((file) => readFileSync(join(PROJECT, file)));
  once(`native-core${kind}`, [process.version, ...inputs], [output], () => {
    mkdirSync(directory, { recursive: true });
    const options = ["-std=c++20", "-O1", "-g", ...flags, "-I", join(PROJECT, "runtime-native"), "-isystem", HEADERS];
    // What the node binary gives to the addon comes from Debian's libraries here.
    const libraries = ["-l:libzstd.a", "-l:libseccomp.a", "-l:libcrypto.so.3", "-l:libz.so.1", "-ldl", "-pthread"];
    const units = [PROGRAM, ...sources.filter((file) => file.endsWith(".cc"))];
    run(kind === "--libfuzzer" ? "clang++" : "g++", [...options, ...units, "-o", output, ...libraries]);
  });
  return output;
}

function makeLayers(work) {
  const tree = join(work, "tree");
  const layers = join(work, "layers");
  mkdirSync(tree);
  mkdirSync(layers);
  execFileSync("bash", ["-euc", TREE], { cwd: tree });
  for (const [name, flags] of Object.entries(LAYERS)) {
    // v7 has no way to store the long names, and says so.
    const tar = `tar -C '${tree}' ${flags} -cf '${join(layers, name)}' . ${name === "v7.tar" ? "2>/dev/null || true" : ""}`;
    execFileSync("bash", ["-euc", tar]);
  }
  return readdirSync(layers).map((name) => join(layers, name));
}
