/** What O_DIRECT asks of addresses, offsets and lengths: the largest logical block that disks have. open(2), "O_DIRECT". */
export const BLOCK_BYTES = 4096;
/** The first whole block that does not begin before `position`. */
export function nextBlock(position: number): number {
  return Math.ceil(position / BLOCK_BYTES) * BLOCK_BYTES;
}

/** A disk is kept busy by requests of this size; with half of it a file is read a fifth more slowly. */
export const ALIGNED_BYTES = 2 * 1024 * 1024;
/** Of one process: who finds too few does without. */
const BUFFERS = 24;
/** One is filled while the other is on its way. */
const FEWEST = 2;

/** Its types come with those of browsers, which we are not. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};
const PAGE_BYTES = 64 * 1024;

let free: Buffer[] | undefined;

/**
 * To be given back, once no system call uses them any more.
 * @returns `wanted` buffers or, when so many are not free, two at least; undefined when there are not even two
 */
export function takeAligned(wanted: number): readonly Buffer[] | undefined {
  free ??= allocate();
  return free.length < FEWEST ? undefined : free.splice(-wanted);
}

export function giveBackAligned(buffers: readonly Buffer[]): void {
  free?.push(...buffers);
}

/**
 * The memory of a WebAssembly instance begins at a page, which no other memory does that JavaScript can ask for. Its pages
 * are taken from the system when they are first written to.
 */
function allocate(): Buffer[] {
  try {
    const pages = (BUFFERS * ALIGNED_BYTES) / PAGE_BYTES;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    return Array.from({ length: BUFFERS }, (_, i) => Buffer.from(buffer, i * ALIGNED_BYTES, ALIGNED_BYTES));
  } catch {
    // The system grants no such address space (setrlimit(2), RLIMIT_AS).
    return [];
  }
}
