import assert from "node:assert/strict";

import { compileSeccomp, type SeccompRule } from "../../../../runtime-native/index.js";
import { asRoot, describeWith, program } from "../../../helpers/capabilities.js";
import { launchAttached, runToEnd, ShimClient } from "../../../helpers/shim-client.js";
import { processPlan, ShimHost } from "../../../helpers/shim-container.js";

/** Everything is allowed but for mkdir, which fails with EXDEV, and for sethostname, which kills. */
const ALLOW: readonly SeccompRule[] = [
  { names: ["mkdir", "mkdirat"], action: "errno", errno: 18, args: [] },
  { names: ["sethostname"], action: "kill", args: [] },
];

describeWith([asRoot, program("/bin/busybox")], "a seccomp filter", () => {
  const host = new ShimHost();
  const seccomp = compileSeccomp({
    defaultErrno: 1,
    architectures: [],
    rules: [...ALLOW, { names: allCalls(), action: "allow", args: [] }],
  });
  before(() => host.prepare());
  after(async () => {
    assert.deepEqual(await host.dispose(), []);
  });

  for (const noNewPrivileges of [true, false]) {
    for (const uid of [0, 1000]) {
      it(`is in force for uid ${String(uid)}, ${noNewPrivileges ? "with" : "without"} no_new_privs, and for exec`, async () => {
        const process_ = processPlan(["sh", "-c", "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status; sleep 1000"], {
          uid,
          noNewPrivileges,
          seccomp,
        });
        const plan = host.plan([], (own) => (own.process = process_));
        const { client, pid } = await launchAttached(plan);
        const seen = await client.until(/Seccomp/);
        assert.match(seen, /cross-device link|Cross-device link/);
        assert.match(seen, /Seccomp:\t2/);
        const exec = await ShimClient.exec(plan, { ...process_, args: ["mkdir", "/tmp/y"] }).finish();
        assert.notEqual(exec.exitCode, 0);
        process.kill(pid, "SIGKILL");
        await client.finish();
      });
    }
  }

  it("that kills ends the process with 128 + SIGSYS", async () => {
    const all = (1n << 41n) - 1n;
    const capabilities = { bounding: all, effective: all, permitted: all, ambient: 0n };
    const plan = host.plan([], (own) => (own.process = processPlan(["hostname", "x"], { seccomp, capabilities })));
    assert.equal((await runToEnd(plan)).exitCode, 159);
  });
});

function allCalls(): string[] {
  return (
    "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 " +
    "readv writev access pipe pipe2 select dup dup2 dup3 nanosleep clock_nanosleep getpid sendfile socket connect sendto recvfrom clone clone3 fork vfork " +
    "execve exit wait4 kill uname fcntl getcwd chdir rename rmdir creat unlink readlink readlinkat chmod fchmod chown umask gettimeofday getuid getgid " +
    "geteuid getegid getppid getpgrp setsid setpgid getpgid getsid setuid setgid setreuid setregid setgroups getgroups setresuid setresgid capget capset " +
    "sigaltstack arch_prctl prctl gettid futex sched_getaffinity set_tid_address clock_gettime exit_group openat newfstatat faccessat faccessat2 set_robust_list " +
    "prlimit64 getrandom rseq statx getdents64 time sysinfo tgkill ppoll pselect6 close_range statfs fstatfs getrlimit setrlimit getrusage seccomp"
  ).split(" ");
}
