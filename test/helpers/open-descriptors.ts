import { readdirSync, readlinkSync } from "node:fs";

/** What this process has open at or below a directory: its other descriptors come and go with other suites' sockets and children. */
export function openBelow(directory: string): string[] {
  return openDescriptors().filter((path) => path === directory || path.startsWith(`${directory}/`));
}

/** What each open descriptor of this process is: a path, or such as `socket:[1234]`. */
function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed meanwhile, as the one with which the directory was read.
      return [];
    }
  });
}
