import type { LaunchPlan } from "./launch-plan.js";
import type { LayerUnpacker, PackOptions, PackResult, UnpackOptions, UnpackResult } from "./layer-contract.js";

/**
 * What `runtime-native/index.ts` exports. A failure of any of these is a NativeError with errno, syscall, step and path;
 * a rule of the layer format that was broken is a NativeError with `code: "LAYER_INVALID" | "DIGEST_MISMATCH" | "LIMIT"`.
 */
export interface RuntimeNative {
  createLayerUnpacker(options: UnpackOptions): LayerUnpacker;
  /** The same pipeline fed from a file, without passing through JavaScript. `signal` stops it: see LayerUnpacker.abort. */
  unpackLayerFile(path: string, options: UnpackOptions, signal?: AbortSignal): Promise<UnpackResult>;
  /** Gives each of `directories` (relative) in `diff` the metadata of the first of `lowers` (topmost first) that has it. */
  adoptDirectories(diff: string, lowers: readonly string[], directories: readonly string[]): Promise<void>;
  packLayer(options: PackOptions, signal?: AbortSignal): Promise<PackResult>;
  /** Removes a tree without ever following a link out of it; a missing tree is no error. */
  removeTree(path: string): Promise<void>;
  /** syncfs(2) of the filesystem that holds `path`. */
  syncFilesystem(path: string): Promise<void>;
  /** flock(2) on `path` (made if missing, 0600), off the event loop; kept until release() or the end of the process. */
  lockFile(path: string, mode: "shared" | "exclusive"): Promise<FileLock>;
  /** As lockFile "exclusive", without waiting (LOCK_NB): undefined while somebody else holds it. */
  tryLockFile(path: string): Promise<FileLock | undefined>;
  /**
   * A descriptor, the caller's to close, of the root of a read-only overlay of `lower`: topmost first, relative to
   * `directory`, and no upper directory of a mounted overlay among them. Nothing on the host sees a mount, and it is gone
   * with the descriptor. Needs CAP_SYS_ADMIN.
   */
  openOverlayView(directory: string, lower: readonly string[]): Promise<number>;
  /** Whether a directory of a layer hides what the layers below have in it; always false without CAP_SYS_ADMIN. */
  isOpaqueDirectory(path: string): boolean;
  /** From the kernel's generator; `count` is at most 256. */
  randomBytes(count: number): Buffer;
  /** `sha256:<hex>` of the text's UTF-8. */
  sha256(text: string): `sha256:${string}`;
  /** A seccomp profile in Docker's JSON form, reduced to data by the engine, compiled by libseccomp to BPF. */
  compileSeccomp(profile: SeccompPlan): Uint8Array;
  /**
   * Starts berth-shim (posix_spawn, off the event loop) and waits for its first answer: the container's first process has
   * been executed, or a failure, after which nothing of it is left.
   */
  launchShim(plan: LaunchPlan): Promise<LaunchedContainer>;
}

export interface FileLock {
  release(): void;
}

export interface LaunchedContainer {
  /** Host pid of the container's first process, and of the shim. */
  readonly pid: number;
  readonly shimPid: number;
  /** A connected stream socket that speaks the shim's protocol, already attached; only when `io.attach`. The caller owns it. */
  readonly attachFd?: number;
}

export interface SeccompPlan {
  readonly defaultErrno: number;
  readonly architectures: readonly ("x86_64" | "x86" | "x32" | "aarch64" | "arm")[];
  readonly rules: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: "allow" | "errno" | "kill";
  readonly errno?: number;
  readonly args: readonly {
    readonly index: number;
    readonly op: "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "masked_eq";
    readonly value: bigint;
    readonly valueTwo?: bigint;
  }[];
}
