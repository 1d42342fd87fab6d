import type { Command } from "commander";

import { BerthError } from "../../oci/errors.js";
import { containerLogs, parseLogTime } from "../../engine/index.js";
import type { CommandHost } from "../command.js";
import { engineOf } from "../container/engine-of.js";

interface Flags {
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
}

export function define(command: Command, host: CommandHost): void {
  command
    .argument("<container>", "name or ID")
    .option("-f, --follow", "go on until it has ended")
    .option("-t, --timestamps", "show when each line was written")
    .option("-n, --tail <lines>", "only the last lines", "all")
    .option("--since <time>", "not before: 2024-01-31T12:00:00Z, Unix seconds, or 10m for ten minutes ago")
    .option("--until <time>", "not after")
    .action(async (name: string, flags: Flags) => {
      const engine = engineOf(host.context());
      const now = Date.now();
      const reader = new AbortController();
      process.stdout.once("error", () => {
        reader.abort();
      });
      const entries = containerLogs(engine, engine.containers.resolve(name), {
        follow: flags.follow === true,
        signal: reader.signal,
        ...(flags.tail !== "all" && { tail: parseTail(flags.tail) }),
        ...(flags.since !== undefined && { since: parseLogTime(flags.since, now) }),
        ...(flags.until !== undefined && { until: parseLogTime(flags.until, now) }),
      });
      for await (const { log, stream, time } of entries) {
        const out = stream === "stderr" ? process.stderr : process.stdout;
        if (out.destroyed || reader.signal.aborted) return;
        if (!out.write(flags.timestamps ? `${time} ${log}` : log)) {
          await new Promise((resolve) => {
            out.once("drain", resolve).once("close", resolve);
          });
        }
      }
    });
}

function parseTail(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new BerthError("USAGE", `invalid --tail ${JSON.stringify(text)}: write a number or all`);
}
