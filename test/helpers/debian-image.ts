import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { cachedFixture } from "./fixture-cache.js";
import { runProgram } from "./child-process.js";
import { DEBIAN_SUITE, debianMirror, debianRootfs } from "./debian-rootfs.js";
import { writeOciLayout, type LayerSource } from "./oci-layout.js";

export const LAYERED_IMAGE_TAG = "layered";

/** Each list is a layer above the minbase one: trees of many small files, a few big files, and both mixed. */
const LAYER_PACKAGES = [
  ["perl-modules-5.36", "libperl5.36", "git", "git-man"],
  ["libpython3.11-stdlib", "libpython3.11-minimal", "python3.11-minimal", "python3-numpy", "python3-pip"],
  ["gcc-12", "cpp-12", "g++-12", "libgcc-12-dev", "libstdc++-12-dev", "libc6-dev", "binutils-x86-64-linux-gnu"],
  ["vim-runtime", "locales", "iso-codes", "tzdata", "manpages", "manpages-dev", "libicu72"],
  ["openjdk-17-jre-headless"],
  ["libllvm14", "postgresql-15", "postgresql-client-15"],
  ["libnode108", "nodejs", "npm", "node-typescript"],
] as const;

/**
 * An OCI layout that holds a Debian image of eight gzip layers, tagged LAYERED_IMAGE_TAG: debootstrap's minbase and, above it, the
 * files of Debian's packages. Built once (a minute or two, most of it gzip), kept between runs; read only.
 */
export async function layeredDebianImage(): Promise<string> {
  const rootfs = await debianRootfs();
  return await cachedFixture(`debian-${DEBIAN_SUITE}-layered`, async (directory) => {
    const work = join(directory, "work");
    const layers: LayerSource[] = [{ directory: rootfs, createdBy: "debootstrap --variant=minbase" }];
    const apt = await aptWithOwnState(join(work, "apt"), rootfs);
    await apt(["update"], work);
    for (const [index, packages] of LAYER_PACKAGES.entries()) {
      const archives = join(work, `archives-${index}`);
      const layer = join(work, `layer-${index}`);
      await mkdir(archives);
      await apt(["download", ...packages], archives);
      for (const archive of await readdir(archives))
        await runProgram("dpkg-deb", ["-x", join(archives, archive), layer]);
      layers.push({ directory: layer, createdBy: `dpkg-deb -x ${packages.join(" ")}` });
    }
    await writeOciLayout(directory, LAYERED_IMAGE_TAG, layers);
    await rm(work, { recursive: true });
  });
}

/** apt-get that neither reads nor writes this host's package lists; Debian's keys come from the root file system. */
async function aptWithOwnState(
  state: string,
  rootfs: string,
): Promise<(args: readonly string[], cwd: string) => Promise<string>> {
  for (const name of ["lists/partial", "cache/archives/partial"]) await mkdir(join(state, name), { recursive: true });
  const sources = join(state, "sources.list");
  await writeFile(sources, `deb ${await debianMirror()} ${DEBIAN_SUITE} main\n`);
  const options = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::trustedparts": join(rootfs, "etc/apt/trusted.gpg.d"),
    "Dir::State": state,
    "Dir::State::lists": join(state, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(state, "cache"),
    "APT::Sandbox::User": "root",
    "Acquire::Retries": "5",
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  return async (args, cwd) => await runProgram("apt-get", ["-q", ...flags, ...args], { cwd });
}
