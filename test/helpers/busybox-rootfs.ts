import { chmod, copyFile, link, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { runProgram } from "./child-process.js";

const BUSYBOX = "/bin/busybox";

/**
 * Fills `directory` (made if missing) with a root file system around Debian's static busybox: each applet a hard link, as
 * in the busybox image that lessons on Docker use, and the ten directories that they show.
 */
export async function buildBusyboxRootfs(directory: string): Promise<void> {
  for (const name of [".", "bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr/bin", "usr/sbin", "var"]) {
    await mkdir(join(directory, name), { recursive: true });
    // Whatever the umask.
    await chmod(join(directory, name), 0o755);
  }
  await chmod(join(directory, "usr"), 0o755);
  await chmod(join(directory, "root"), 0o700);
  await chmod(join(directory, "tmp"), 0o1777);
  await copyFile(BUSYBOX, join(directory, "bin/busybox"));
  await chmod(join(directory, "bin/busybox"), 0o755);
  for (const applet of (await runProgram(BUSYBOX, ["--list"])).split("\n")) {
    if (applet !== "" && applet !== "busybox")
      await link(join(directory, "bin/busybox"), join(directory, "bin", applet));
  }
  await writeFile(
    join(directory, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
  );
  await writeFile(join(directory, "etc/group"), "root:x:0:\ndaemon:x:1:\nstaff:x:50:nobody\nnobody:x:65534:\n");
  for (const name of ["passwd", "group"]) await chmod(join(directory, "etc", name), 0o644);
}
