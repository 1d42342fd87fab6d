/**
 * System calls that Docker's default profile allows to every container, by what they are for. Names that the running libseccomp
 * or the architecture does not have are passed over when the filter is compiled.
 */
const FILES = `access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
  fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock
  fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown
  lchown32 link linkat lseek _llseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat
  openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2
  rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee
  truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev`;

const EXTENDED_ATTRIBUTES = `fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr
  lremovexattr lsetxattr removexattr setxattr`;

const FILE_EVENTS = `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
  eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect poll ppoll
  ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64
  timerfd_settime timerfd_settime64`;

const ASYNC_IO = `io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit`;

const MEMORY = `brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock
  mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
  remap_file_pages`;

const PROCESSES = `capget capset execve execveat exit exit_group fork getegid getegid32 geteuid geteuid32 getgid getgid32
  getgroups getgroups32 getpgid getpgrp getpid getppid getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid
  gettid getuid getuid32 ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_open
  prctl prlimit64 process_mrelease seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setpgid setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32
  set_tid_address times ugetrlimit vfork wait4 waitid waitpid`;

const THREADS_AND_SCHEDULING = `futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake getcpu getpriority
  get_robust_list get_thread_area rseq sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
  sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield setpriority set_robust_list set_thread_area`;

const SIGNALS = `alarm getitimer kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
  rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaltstack
  sigprocmask sigreturn tgkill tkill`;

/** Setting the clock needs CAP_SYS_TIME as well, which the kernel checks; reading it by the same calls does not. */
const TIME = `adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create timer_delete timer_getoverrun timer_gettime
  timer_gettime64 timer_settime timer_settime64`;

const NETWORK = `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
  recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`;

const PIPES_AND_IPC = `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
  mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 semctl semget semop semtimedop semtimedop_time64 shmat
  shmctl shmdt shmget`;

const SYSTEM = `getrandom sysinfo uname`;

const split = (...groups: string[]): string[] => groups.flatMap((group) => group.split(/\s+/));

export const ALLOWED_SYSCALLS: readonly string[] = split(
  FILES,
  EXTENDED_ATTRIBUTES,
  FILE_EVENTS,
  ASYNC_IO,
  MEMORY,
  PROCESSES,
  THREADS_AND_SCHEDULING,
  SIGNALS,
  TIME,
  NETWORK,
  PIPES_AND_IPC,
  SYSTEM,
);

/** Allowed on top to a container that has the capability. */
export const SYSCALLS_BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_DAC_READ_SEARCH: ["open_by_handle_at"],
  CAP_SYS_ADMIN: split(
    `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree
    perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  ),
  CAP_SYS_BOOT: ["reboot"],
  CAP_SYS_CHROOT: ["chroot"],
  CAP_SYS_MODULE: ["delete_module", "finit_module", "init_module"],
  CAP_SYS_NICE: ["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"],
  CAP_SYS_PACCT: ["acct"],
  CAP_SYS_PTRACE: split("kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
  CAP_SYS_RAWIO: ["ioperm", "iopl"],
  CAP_SYS_TIME: ["clock_settime", "clock_settime64", "settimeofday", "stime"],
  CAP_SYS_TTY_CONFIG: ["vhangup"],
  CAP_SYSLOG: ["syslog"],
  CAP_BPF: ["bpf"],
  CAP_PERFMON: ["perf_event_open"],
};
