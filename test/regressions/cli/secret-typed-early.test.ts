import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";

import { PROJECT } from "../../helpers/project.js";
import { waitUntil } from "../../helpers/wait-until.js";

/** Asks, and stands still as soon as the question is written, as on a busy machine. Says at the end what it was told. */
const PROGRAM = `
const { askForSecret } = await import(${JSON.stringify(join(PROJECT, "dist/cli/output/terminal-prompt.js"))});
const write = process.stderr.write.bind(process.stderr);
process.stderr.write = (text) => {
  const done = write(text);
  if (text.includes("?")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  return done;
};
const secret = await askForSecret("what? ");
process.stdout.write("told " + [...secret].toReversed().join(""));
`;

/** The question came before the terminal was told to show nothing: who typed at once had the password on the screen. */
describe("a password that is typed right after the question", () => {
  it("is not shown", async () => {
    const command = `'${process.execPath}' --input-type=module -e "$PROGRAM"`;
    const terminal = spawn("/usr/bin/script", ["-qec", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, PROGRAM },
    });
    let shown = "";
    terminal.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    const ended = once(terminal, "close");
    await waitUntil("it asks", () => shown.includes("what? "));
    terminal.stdin.write("my-secret\n");
    await ended;
    assert.match(shown, /told terces-ym/);
    assert.ok(!shown.includes("my-secret"), shown);
  });
});
