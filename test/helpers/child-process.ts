import { spawn, type SpawnOptions } from "node:child_process";

/** Runs a program to its end and returns its output. @throws Error with the end of its output unless it exits with 0 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, "cwd" | "env"> & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { timeoutMs = 600_000, ...rest } = options;
  const child = spawn(command, args, { ...rest, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const ending = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(code === null ? String(signal) : String(code));
    });
  });
  const text = Buffer.concat(output).toString();
  if (ending === "0") return text;
  const tail = `${text}${Buffer.concat(errors).toString()}`.trim().slice(-1500);
  throw new Error(`${command} ${args.join(" ")} ended with ${ending}: ${tail}`);
}
