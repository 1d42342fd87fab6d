import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { Scratch } from "./scratch.js";
import { benchRegistry } from "./registry-section.js";
import { benchPull, benchRun, type BenchOptions } from "./sections.js";

const SECTIONS: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  registry: benchRegistry,
  pull: benchPull,
  run: benchRun,
};
const DEFAULT_ROUNDS = 3;
const USAGE = `usage: npm run bench [-- registry|pull|run ...] [--full] [--rounds N] [--without CONTENDER]... [--dir DIRECTORY]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    rounds: { type: "string", default: String(DEFAULT_ROUNDS) },
    without: { type: "string", multiple: true, default: [] },
    dir: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const chosen = positionals.length === 0 ? Object.keys(SECTIONS) : positionals;
const rounds = Number(values.rounds);
if (values.help || chosen.some((name) => !(name in SECTIONS)) || !Number.isInteger(rounds) || rounds < 1) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}

const scratch = new Scratch(values.dir);
// tooling/bench.mjs put this process in process and mount namespaces that end with it: only files are left to remove.
function stop(): void {
  scratch.remove();
  process.exit(130);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
// Signals to the starter alone do not come through a process namespace; its end of this channel tells.
process.once("disconnect", stop);
process.channel?.unref();
try {
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node ${process.versions.node}, ${new Date().toISOString()}`,
  );
  console.log(`Load average before: ${loadavg()[0]?.toFixed(2)}. Medians of ${rounds} rounds unless said otherwise.\n`);
  for (const name of chosen) {
    await SECTIONS[name]?.({
      full: values.full,
      without: values.without,
      rounds,
      scratch,
      print: (line) => console.log(line),
    });
  }
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  process.removeListener("disconnect", stop);
  scratch.remove();
}
