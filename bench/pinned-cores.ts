import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Half of the cores for the client and the other half for whichever server is measured; one machine has one at least. */
const CORES = availableParallelism();
const HALF = Math.floor(CORES / 2);

/** Before a server's command line; empty on a single core. */
export const ON_SERVER_CORES: readonly string[] =
  HALF === 0 ? [] : ["/usr/bin/taskset", "--cpu-list", `${HALF}-${CORES - 1}`];

/** Keeps this process, the client, from the servers' cores. */
export function pinClient(): void {
  setCores(HALF === 0 ? undefined : `0-${HALF - 1}`);
}

export function unpinClient(): void {
  setCores(HALF === 0 ? undefined : `0-${CORES - 1}`);
}

function setCores(list: string | undefined): void {
  if (list === undefined) return;
  const { status, stderr } = spawnSync(
    "/usr/bin/taskset",
    ["--all-tasks", "--cpu-list", "--pid", list, String(process.pid)],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}
