import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes in use by this process of each kind once garbage is gone: how much of that there is, is the machine's mood. */
export function retainedMemory(): Readonly<Pick<NodeJS.MemoryUsage, "heapUsed" | "arrayBuffers">> {
  collect();
  // What the first one found to be garbage is swept by then.
  collect();
  return process.memoryUsage();
}
