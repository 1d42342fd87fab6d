import { once } from "node:events";
import process from "node:process";

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once, as it would have without us. */
export async function stopSignal(...others: readonly Promise<void>[]): Promise<void> {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), ...others]);
  process.removeAllListeners("SIGINT").removeAllListeners("SIGTERM");
}
