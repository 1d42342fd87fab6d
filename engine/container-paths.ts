import { join } from "node:path";

/**
 * The engine's part of the state on disk; overlay2/ and image/ are the puller's.
 *
 *     <root>/containers/<cid>/config.v2.json   the container, complete once this is there
 *     <root>/containers/<cid>/state.json       its state, as last written; the truth is reconciled with exit.json and /proc
 *     <root>/containers/<cid>/<cid>-json.log   what it has written
 *     <root>/containers/<cid>/{hosts,hostname,resolv.conf}   bind mounted into it
 *     <root>/containers/<cid>/lock             flock for those who change it
 *     <root>/names/<name> -> <cid>             a name is taken by making this link
 *     <root>/unfinished/<cid>                  {"pid","startTime"} of the process that makes, removes or waits on it
 *     <root>/seccomp/<hash>.bpf                compiled filters
 *     <root>/containers/<cid>/exit.json        written by the shim when the first process has ended
 *     <run>/containers/<cid>/exit.json         the same for `--rm`, which needs no durable one
 *     <run>/s/<32 hex of cid>                  the shim's socket: short, for sun_path holds 108 bytes
 */
export class EnginePaths {
  constructor(
    readonly root: string,
    readonly runRoot: string,
  ) {}

  get containers(): string {
    return join(this.root, "containers");
  }

  get names(): string {
    return join(this.root, "names");
  }

  get unfinished(): string {
    return join(this.root, "unfinished");
  }

  get seccomp(): string {
    return join(this.root, "seccomp");
  }

  get sockets(): string {
    return join(this.runRoot, "s");
  }

  of(id: string): ContainerPaths {
    const directory = join(this.containers, id);
    const run = join(this.runRoot, "containers", id);
    return {
      directory,
      config: join(directory, "config.v2.json"),
      state: join(directory, "state.json"),
      log: join(directory, `${id}-json.log`),
      hosts: join(directory, "hosts"),
      hostname: join(directory, "hostname"),
      resolvConf: join(directory, "resolv.conf"),
      lock: join(directory, "lock"),
      unfinished: join(this.unfinished, id),
      run,
      exitFile: join(directory, "exit.json"),
      transientExitFile: join(run, "exit.json"),
      socket: join(this.sockets, id.slice(0, 32)),
    };
  }
}

export interface ContainerPaths {
  readonly directory: string;
  readonly config: string;
  readonly state: string;
  readonly log: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly lock: string;
  readonly unfinished: string;
  readonly run: string;
  readonly exitFile: string;
  readonly transientExitFile: string;
  readonly socket: string;
}
