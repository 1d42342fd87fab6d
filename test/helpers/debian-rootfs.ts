import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { cachedFixture } from "./fixture-cache.js";
import { runProgram } from "./child-process.js";

export const DEBIAN_SUITE = "bookworm";
const DEBOOTSTRAP_TIMEOUT_MS = 15 * 60_000;

/**
 * A whole Debian root file system (minbase, about 130 MB), made by debootstrap once and kept between runs. Needs root and
 * debootstrap; the first call needs Debian's mirror and takes half a minute. Read only: copy it to change it.
 */
export async function debianRootfs(): Promise<string> {
  return await cachedFixture(`debian-${DEBIAN_SUITE}-minbase`, async (directory) => {
    const debootstrap = ["debootstrap", "--variant=minbase", DEBIAN_SUITE, directory, await debianMirror()];
    // In a mount namespace of its own, so that a debootstrap that is killed leaves no /proc mounted in the directory.
    await runProgram("unshare", ["--mount", ...debootstrap], { timeoutMs: DEBOOTSTRAP_TIMEOUT_MS });
    await rm(join(directory, "debootstrap"), { recursive: true, force: true });
    await emptyDirectory(join(directory, "var/cache/apt/archives"));
    await emptyDirectory(join(directory, "var/lib/apt/lists"));
    // What debootstrap copied from this host would make the fixture differ from machine to machine.
    for (const file of ["etc/hostname", "etc/resolv.conf", "var/log/bootstrap.log", "var/cache/apt/pkgcache.bin"]) {
      await rm(join(directory, file), { force: true });
    }
  });
}

/** The Debian mirror of this machine's own apt. */
export async function debianMirror(): Promise<string> {
  const sources = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list"];
  for (const name of await readdir(sources).catch(() => [])) files.push(join(sources, name));
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    const mirror = /^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(https?:\S+\/debian\/?)(?:\s|$)/m.exec(text)?.[1];
    if (mirror !== undefined) return mirror;
  }
  return "http://deb.debian.org/debian";
}

async function emptyDirectory(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) await rm(join(directory, entry), { recursive: true, force: true });
}
