import { spawn } from "node:child_process";

import { PLAIN_ENVIRONMENT } from "./contenders.js";
import { endedChildrenCpuSeconds } from "./process-accounting.js";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Timing {
  readonly ms: number;
  /** Of the commands and all that they waited for. */
  readonly cpuSeconds: number;
  /** Standard output of the last command. */
  readonly output: string;
}

const TIMEOUT_MS = 180_000;

/** Runs commands one after another, as a user would in one line. @throws Error with the end of its output when one fails */
export async function timeCommands(commands: readonly Command[]): Promise<Timing> {
  const [cpu, start] = [endedChildrenCpuSeconds(), performance.now()];
  let output = "";
  for (const command of commands) output = await run(command);
  return { ms: performance.now() - start, cpuSeconds: endedChildrenCpuSeconds() - cpu, output };
}

async function run({ program, args, env, cwd }: Command): Promise<string> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...PLAIN_ENVIRONMENT, ...env },
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
    ...(cwd !== undefined && { cwd }),
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  // "exit", not "close": a detached monitor may keep the pipes open after the command has ended.
  const ending = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      resolve(String(code ?? signal));
    });
  });
  if (ending === "0") return output;
  throw new Error(`${program} ${args.join(" ")} ended with ${ending}: ${`${output}${errors}`.trim().slice(-800)}`);
}
