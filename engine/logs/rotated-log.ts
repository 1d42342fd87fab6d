import { GrowingFile } from "./log-file.js";

interface Start {
  /** How many of the last lines of all files together; absent: all. */
  readonly tail?: number | undefined;
  /** Inode of a file that is known already, with all that is older. */
  readonly after?: number | undefined;
}

/**
 * The files of a log that the shim rotates while this looks: `path`, then `path.1` and on, each older than the one before.
 * @returns oldest first; the caller closes them
 */
export async function openRotatedLog(path: string, { tail, after }: Start): Promise<GrowingFile[]> {
  const files: GrowingFile[] = [];
  const seen = new Set<number>();
  let wanted = tail;
  for (let number = 0; number === 0 || wanted !== 0; number++) {
    const file = await GrowingFile.open(number === 0 ? path : `${path}.${String(number)}`, wanted);
    if (file === undefined) {
      // Between the shim's rename and its new file there is no first one.
      if (number === 0) continue;
      break;
    }
    const inode = await file.inode();
    if (inode === after || seen.has(inode)) {
      await file.close();
      if (inode === after) break;
      continue;
    }
    seen.add(inode);
    files.unshift(file);
    if (wanted !== undefined) wanted -= file.tailLines;
  }
  return files;
}
