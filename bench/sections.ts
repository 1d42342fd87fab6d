import { LAYERED_IMAGE_TAG, layeredDebianImage } from "../test/helpers/debian-image.js";
import { debianRootfs } from "../test/helpers/debian-rootfs.js";
import { present } from "./contenders.js";
import { crunBundle } from "./crun-bundle.js";
import { BERTH } from "./figure.js";
import { uploadImage } from "./image-upload.js";
import { Podman } from "./podman.js";
import { flush, measurePulls } from "./pull-time.js";
import { berthCommand, PULLERS } from "./pullers.js";
import { REGISTRIES } from "./registry-server.js";
import { renderFigures } from "./report.js";
import { measureRuns, type Runner } from "./run-time.js";
import type { Scratch } from "./scratch.js";
import { timeCommands } from "./timed-command.js";

export interface BenchOptions {
  /** Also what takes minutes: blobs of 1 GB. */
  readonly full: boolean;
  readonly rounds: number;
  readonly scratch: Scratch;
  /** Names of contenders to leave out. */
  readonly without: readonly string[];
  readonly print: (line: string) => void;
}

const RUNS_PER_ROUND = 5;
const REPOSITORY = "bench/debian";

export async function benchPull(options: BenchOptions): Promise<void> {
  const { rounds, scratch, without, print } = options;
  await withDebianImage(options, async (reference, source) => {
    const figures = await measurePulls(present(PULLERS, without, print), reference, rounds, scratch);
    print(renderFigures(`Pull from ${source} into an empty store; sync before each, untimed`, figures));
  });
}

export async function benchRun(options: BenchOptions): Promise<void> {
  const { rounds, scratch, without, print } = options;
  const runners: Runner[] = [];
  await withDebianImage(options, async (reference) => {
    for (const { name } of present(PULLERS, without, print)) {
      const directory = scratch.volume(`${name}-run`);
      if (name === BERTH) {
        await timeCommands([berthCommand(directory, ["pull", reference])]);
        const run = ["run", "--rm", "--network", "none", reference, "true"];
        runners.push({ name, command: berthCommand(directory, run) });
      } else if (name === "podman") {
        const podman = new Podman(directory);
        scratch.defer(() => podman.removeCgroup());
        await timeCommands([podman.pull(reference)]);
        runners.push({ name, command: podman.run(reference, ["true"]) });
      }
    }
  });
  const [crun] = present([{ name: "crun alone", programs: ["/usr/bin/crun"] }], without, print);
  if (crun !== undefined) {
    const command = await crunBundle(scratch.path("crun"), await debianRootfs(), ["true"]);
    runners.push({ name: "crun alone", command, reference: true });
  }
  await flush();
  const figures = await measureRuns(runners, rounds * RUNS_PER_ROUND);
  print(renderFigures("Run: a fresh container of the same image, no network, removed at the end", figures));
}

/** The image of several layers on a registry for the time of `work`: Debian's when it is there, so that no contender serves itself. */
async function withDebianImage(
  { scratch, without, print }: BenchOptions,
  work: (reference: string, source: string) => Promise<void>,
): Promise<void> {
  const layout = await layeredDebianImage();
  const registry = present(REGISTRIES, without, () => undefined).at(-1);
  if (registry === undefined) throw new Error("no registry to pull from");
  const server = await registry.start(scratch);
  try {
    const image = await uploadImage(layout, server, REPOSITORY, LAYERED_IMAGE_TAG);
    print(`Image: Debian, ${image.layers} layers, ${(image.compressedBytes / 1e6).toFixed(0)} MB gzip`);
    await work(`127.0.0.1:${server.port}/${REPOSITORY}:${LAYERED_IMAGE_TAG}`, server.name);
  } finally {
    await server.stop();
  }
}
