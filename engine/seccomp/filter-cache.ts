import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { compileSeccomp, sha256 } from "../../runtime-native/index.js";
import type { SeccompPlan } from "../../runtime-native/addon-contract.js";
import { errnoOf } from "../../oci/errors.js";

/** sizeof(struct sock_filter). */
const INSTRUCTION_BYTES = 8;

/**
 * The compiled filter of a plan, from `directory` (made 0700: who can write there decides what containers may do) by the hash of the
 * plan, or compiled now and kept. Compiling takes longer than starting a container.
 */
export function compiledFilter(directory: string, plan: SeccompPlan): Uint8Array {
  const text = JSON.stringify(plan, (_, value: unknown) => (typeof value === "bigint" ? `${String(value)}n` : value));
  const file = join(directory, `${sha256(text).slice("sha256:".length)}.bpf`);
  const kept = readIfSound(file);
  if (kept !== undefined) return kept;
  const program = compileSeccomp(plan);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const temporary = `${file}.${String(process.pid)}.tmp`;
  writeFileSync(temporary, program, { mode: 0o600 });
  renameSync(temporary, file);
  return program;
}

/** A file that a crash cut short is made again; the rename happens without fsync because the content can be. */
function readIfSound(file: string): Uint8Array | undefined {
  try {
    const program = readFileSync(file);
    return program.length > 0 && program.length % INSTRUCTION_BYTES === 0 && endsInReturn(program)
      ? program
      : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A filter's last instruction is BPF_RET (0x06), with the action in `k`; zeroes from a lost write are not. */
function endsInReturn(program: Buffer): boolean {
  return program.readUInt16LE(program.length - INSTRUCTION_BYTES) === 0x06;
}
