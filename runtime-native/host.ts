import type { FileLock } from "./addon-contract.js";
import { loadAddon } from "./load-addon.js";
import { asNativeError } from "./native-error.js";

interface HostAddon {
  removeTree(path: string): Promise<void>;
  syncFilesystem(path: string): Promise<void>;
  lockFile(path: string, exclusive: boolean): Promise<FileLock>;
  tryLockFile(path: string): FileLock | undefined;
  openOverlayView(directory: string, lower: readonly string[]): Promise<number>;
  isOpaqueDirectory(path: string): boolean;
}

const addon = (): HostAddon => loadAddon<HostAddon>();

export async function removeTree(path: string): Promise<void> {
  try {
    await addon().removeTree(path);
  } catch (error) {
    throw asNativeError(error);
  }
}

export async function syncFilesystem(path: string): Promise<void> {
  try {
    await addon().syncFilesystem(path);
  } catch (error) {
    throw asNativeError(error);
  }
}

export async function lockFile(path: string, mode: "shared" | "exclusive"): Promise<FileLock> {
  try {
    return await addon().lockFile(path, mode === "exclusive");
  } catch (error) {
    throw asNativeError(error);
  }
}

export async function tryLockFile(path: string): Promise<FileLock | undefined> {
  try {
    return await Promise.resolve(addon().tryLockFile(path));
  } catch (error) {
    throw asNativeError(error);
  }
}

export async function openOverlayView(directory: string, lower: readonly string[]): Promise<number> {
  try {
    return await addon().openOverlayView(directory, lower);
  } catch (error) {
    throw asNativeError(error);
  }
}

export function isOpaqueDirectory(path: string): boolean {
  try {
    return addon().isOpaqueDirectory(path);
  } catch (error) {
    throw asNativeError(error);
  }
}
