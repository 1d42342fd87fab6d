import { chmod, chown, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { syncDirectory } from "../../storage/filesystem/directories.js";

/**
 * Changes a file of users whole or not at all, also for a registry that reads it meanwhile. Owner and mode stay; a new file is
 * for its owner alone. Symbolic links are followed.
 * @param edit gets the file's text, empty when there is no file; undefined leaves it alone
 * @throws BerthError CONFLICT when another change is under way; STORAGE, PRIVILEGE
 */
export async function editHtpasswd(file: string, edit: (text: string) => string | undefined): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const staged = `${target}.new`;
  try {
    // Its creation is the lock: who comes second must not lose what the first one changes.
    const handle = await open(staged, "wx", 0o600);
    try {
      const text = edit(await textOf(target));
      if (text === undefined) {
        await rm(staged);
        return;
      }
      await handle.writeFile(text);
      await keepOwner(target, staged);
      await handle.sync();
      await rename(staged, target);
    } catch (error) {
      await rm(staged, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    await syncDirectory(dirname(target));
  } catch (error) {
    throw faultOf(error, staged);
  }
}

/** @throws BerthError STORAGE, PRIVILEGE */
export async function readHtpasswd(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw faultOf(error, file);
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

async function keepOwner(target: string, staged: string): Promise<void> {
  try {
    const { mode, uid, gid } = await stat(target);
    await chown(staged, uid, gid);
    await chmod(staged, mode & 0o7777);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

function faultOf(cause: unknown, path: string): BerthError {
  if (cause instanceof BerthError) return cause;
  const errno = errnoOf(cause) ?? "";
  if (errno === "EEXIST") {
    return new BerthError(
      "CONFLICT",
      `${path} exists: somebody else is changing the users, or was cut off (then remove it)`,
    );
  }
  const denied = ["EACCES", "EPERM", "EROFS"].includes(errno);
  return new BerthError(denied ? "PRIVILEGE" : "STORAGE", cause instanceof Error ? cause.message : String(cause), {
    cause,
  });
}
