import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** _SC_CLK_TCK, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process, its threads and its living descendants, in seconds (proc_pid_stat(5): utime, stime). */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, member) => sum + ticks(member, 14, 15), 0) / TICKS_PER_SECOND;
}

/** CPU time of the children of this process that have ended and were waited for, with all of theirs (cutime, cstime). */
export function endedChildrenCpuSeconds(): number {
  return ticks(process.pid, 16, 17) / TICKS_PER_SECOND;
}

/** Peak resident memory since `resetPeakMemory`, in MiB, summed over the process and its descendants (VmHWM). */
export function peakMemoryMiB(pid: number): number {
  return processTree(pid).reduce((sum, member) => {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${member}/status`, "utf8"))?.[1];
    return sum + Number(peak ?? 0) / 1024;
  }, 0);
}

/** proc_pid_clear_refs(5): 5 sets VmHWM back to the present size. */
export function resetPeakMemory(pid: number): void {
  for (const member of processTree(pid)) writeFileSync(`/proc/${member}/clear_refs`, "5");
}

function processTree(pid: number): number[] {
  const tree = [pid];
  for (const member of tree) {
    for (const task of readdirSync(`/proc/${member}/task`)) {
      const children = readFileSync(`/proc/${member}/task/${task}/children`, "utf8");
      tree.push(...children.split(" ").filter(Boolean).map(Number));
    }
  }
  return tree;
}

/** The sum of two fields of /proc/PID/stat, numbered from 1; the second field, a name in brackets, may hold spaces. */
function ticks(pid: number, first: number, second: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[first - 3]) + Number(fields[second - 3]);
}
