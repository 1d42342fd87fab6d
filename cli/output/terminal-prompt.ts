import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

import { BerthError } from "../../oci/errors.js";

/** One line from the terminal. @throws BerthError ABORTED on Ctrl-C and Ctrl-D */
export function askForLine(question: string): Promise<string> {
  return ask(question, process.stderr);
}

/** The same without showing what is typed, however soon after the question. @throws BerthError ABORTED on Ctrl-C and Ctrl-D */
export async function askForSecret(question: string): Promise<string> {
  try {
    return await ask("", nowhere(), () => process.stderr.write(question));
  } finally {
    process.stderr.write("\n");
  }
}

function nowhere(): Writable {
  return new Writable({
    write(_chunk, _encoding, done): void {
      done();
    },
  });
}

/** @param whenSilent called once the terminal itself shows nothing of what is typed */
async function ask(question: string, output: NodeJS.WritableStream, whenSilent?: () => void): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const stop = new AbortController();
  lines.once("SIGINT", () => {
    stop.abort();
  });
  lines.once("close", () => {
    stop.abort();
  });
  try {
    whenSilent?.();
    return await lines.question(question, { signal: stop.signal });
  } catch (cause) {
    throw new BerthError("ABORTED", "cancelled", { cause });
  } finally {
    lines.close();
  }
}
