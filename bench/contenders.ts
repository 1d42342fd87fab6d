import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BERTH_BUNDLE = fileURLToPath(new URL("../bin/berth.js", import.meta.url));

const KEPT_VARIABLES = ["PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_RUNTIME_DIR"];

/**
 * The environment of each contender: no more than what a fresh shell has. What this one has besides would be measured, too
 * (NODE_EXTRA_CA_CERTS makes each start of node 40 ms longer), or stands in the way (docker-registry does not start where
 * AWS_CA_BUNDLE is set).
 */
export const PLAIN_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  KEPT_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
);

/** The command as users get it: the bundle, started by this node. */
export const BERTH_COMMAND: readonly string[] = [process.execPath, BERTH_BUNDLE];

/** berth or a peer, and the programs that it needs. */
export interface Contender {
  readonly name: string;
  readonly programs: readonly string[];
}

/** Those of `contenders` that are wanted and whose programs are there; the others are named to `print`. */
export function present<P extends Contender>(
  contenders: readonly P[],
  without: readonly string[],
  print: (line: string) => void,
): P[] {
  return contenders.filter(({ name, programs }) => {
    const missing = programs.filter((program) => !existsSync(program));
    if (without.includes(name)) print(`${name} is left out, as asked`);
    else if (missing.length > 0) print(`${name} is left out: ${missing.join(", ")} not found`);
    else return true;
    return false;
  });
}
