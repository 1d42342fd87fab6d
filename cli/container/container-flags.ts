import type { Command } from "commander";

const list = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const NONE: readonly string[] = [];

/** What commander makes of the flags that `run` and `create` share. */
export interface ContainerFlags {
  readonly name?: string;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly rm?: boolean;
  readonly restart: string;
  readonly pull: string;
  readonly platform?: string;
  readonly cidfile?: string;
  readonly entrypoint?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly label: readonly string[];
  readonly labelFile: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly groupAdd: readonly string[];
  readonly hostname?: string;
  readonly domainname?: string;
  readonly addHost: readonly string[];
  readonly stopSignal?: string;
  readonly stopTimeout?: string;
  readonly logDriver?: string;
  readonly logOpt: readonly string[];
  readonly network?: string;
  readonly ipc?: string;
  readonly pid?: string;
  readonly uts?: string;
  readonly volume: readonly string[];
  readonly mount: readonly string[];
  readonly tmpfs: readonly string[];
  readonly readOnly?: boolean;
  readonly shmSize?: string;
  readonly publish: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly privileged?: boolean;
  readonly securityOpt: readonly string[];
  readonly sysctl: readonly string[];
  readonly ulimit: readonly string[];
  readonly oomScoreAdj?: string;
  readonly device: readonly string[];
  readonly deviceCgroupRule: readonly string[];
  readonly cgroupParent?: string;
  readonly cpus?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpuShares?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly memorySwappiness?: string;
  readonly oomKillDisable?: boolean;
  readonly pidsLimit?: string;
  readonly blkioWeight?: string;
}

/** Docker's flags, by its names. `-h` is the host name here, so help is `--help` alone. */
export function defineContainerFlags(command: Command): Command {
  return command
    .argument("<image>", "name[:tag], name@digest or ID")
    .argument("[command...]", "what to run instead of the image's command")
    .helpOption("--help", "show this help")
    .passThroughOptions()
    .option("--name <name>", "a name for the container")
    .option("-i, --interactive", "keep standard input open")
    .option("-t, --tty", "give it a terminal")
    .option("--rm", "remove it when it has ended")
    .option("--restart <policy>", "no; other policies are not there yet", "no")
    .option("--pull <when>", "pull the image: always, missing or never", "missing")
    .option("--platform <os/arch>", "of a multi-platform image, the one to pull")
    .option("--cidfile <file>", "write the container's ID to a new file")
    .option("--entrypoint <command>", "run this instead of the image's entrypoint")
    .option("-e, --env <name=value>", "set an environment variable", list, NONE)
    .option("--env-file <file>", "read environment variables from a file", list, NONE)
    .option("-l, --label <name=value>", "set a label", list, NONE)
    .option("--label-file <file>", "read labels from a file", list, NONE)
    .option("-w, --workdir <dir>", "working directory in the container")
    .option("-u, --user <user[:group]>", "names or numbers, of the container")
    .option("--group-add <group>", "a further group", list, NONE)
    .option("-h, --hostname <name>", "host name in the container (default: the beginning of its ID)")
    .option("--domainname <name>", "domain name in the container")
    .option("--add-host <name:address>", "a line for /etc/hosts", list, NONE)
    .option("--stop-signal <signal>", "signal that stops it (default: TERM)")
    .option("--stop-timeout <seconds>", "from the stop signal to KILL (default: 10)")
    .option("--log-driver <driver>", "json-file or none")
    .option("--log-opt <name=value>", "max-size and max-file of the log", list, NONE)
    .option("--net, --network <mode>", "none, host or container:NAME (default: none)")
    .option("--ipc <mode>", "private, shareable, host or container:NAME")
    .option("--pid <mode>", "host or container:NAME")
    .option("--uts <mode>", "host")
    .option("-v, --volume <host:container[:ro]>", "mount a directory or file of the host", list, NONE)
    .option("--mount <fields>", "type=bind|tmpfs,source=...,target=...,readonly", list, NONE)
    .option("--tmpfs <path[:options]>", "mount a tmpfs", list, NONE)
    .option("--read-only", "make the root file system read-only")
    .option("--shm-size <bytes>", "size of /dev/shm (default: 64m)")
    .option("-p, --publish <port>", "not there yet", list, NONE)
    .option("--cap-add <capability>", "a further capability", list, NONE)
    .option("--cap-drop <capability>", "one capability less, or ALL", list, NONE)
    .option("--privileged", "all capabilities and devices, nothing masked")
    .option("--security-opt <option>", "no-new-privileges, seccomp=unconfined", list, NONE)
    .option("--sysctl <name=value>", "a kernel setting of the container's namespaces", list, NONE)
    .option("--ulimit <name=soft[:hard]>", "a limit of setrlimit(2)", list, NONE)
    .option("--oom-score-adj <number>", "from -1000 to 1000")
    .option("--device <host[:container][:rwm]>", "give it a device of the host", list, NONE)
    .option("--device-cgroup-rule <rule>", 'allow devices, such as "c 1:3 rwm"', list, NONE)
    .option("--cgroup-parent <path>", "cgroup above the container's (default: /berth)")
    .option("--cpus <number>", "how many CPUs it may use, such as 0.5")
    .option("--cpu-period <us>", "length of a scheduling period")
    .option("--cpu-quota <us>", "time on CPUs in each period")
    .option("-c, --cpu-shares <weight>", "relative weight (default: 1024)")
    .option("--cpuset-cpus <list>", "CPUs it may run on, such as 0-2,4")
    .option("--cpuset-mems <list>", "memory nodes it may use")
    .option("-m, --memory <bytes>", "memory limit, such as 64m")
    .option("--memory-swap <bytes>", "limit of memory and swap together; -1: no limit on swap")
    .option("--memory-reservation <bytes>", "soft memory limit")
    .option("--memory-swappiness <percent>", "from 0 to 100")
    .option("--oom-kill-disable", "do not kill what exceeds the memory limit")
    .option("--pids-limit <number>", "how many processes it may have; -1: no limit")
    .option("--blkio-weight <weight>", "relative weight of block I/O, from 10 to 1000");
}
