import process from "node:process";

import { collectGarbage } from "../../../../../registry/collector/collect.js";
import { FilesystemObjectStore } from "../../../../../storage/filesystem/filesystem-object-store.js";

/**
 * `node collector-process.js ROOT GRACE_MS STEPS`: collects garbage. Before the change number STEPS of the store it says
 * `stopped` and waits to be killed; with `-` for STEPS it begins again and again.
 */
const [, , root = "", grace = "0", steps = "-"] = process.argv;
const graceMs = Number(grace);
const store = await FilesystemObjectStore.open(root);
let left = steps === "-" ? Infinity : Number(steps);

async function pass(): Promise<void> {
  if (left-- > 0) return;
  process.stdout.write("stopped\n");
  setInterval(() => undefined, 1000);
  await new Promise(() => undefined);
}

const put = store.put.bind(store);
store.put = async (...args) => {
  await pass();
  await put(...args);
};
// One after another, so that it may be killed between any two; `delete` goes this way as well.
const remove = store.deleteAll.bind(store);
store.deleteAll = async (keys) => {
  for (const key of keys) {
    await pass();
    await remove([key]);
  }
};

async function run(): Promise<void> {
  await collectGarbage(store, { graceMs, untaggedGraceMs: graceMs });
  if (steps === "-") await run();
}

await run();
process.stdout.write("done\n");
