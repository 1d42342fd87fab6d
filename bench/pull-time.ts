import { BERTH, median, type Figure } from "./figure.js";
import type { Puller } from "./pullers.js";
import type { Scratch } from "./scratch.js";
import { timeCommands } from "./timed-command.js";

interface Sample {
  readonly seconds: number;
  readonly withSyncSeconds: number;
  readonly cpuSeconds: number;
}

/** Pull and unpack into an empty store, the contenders taking turns; what each leaves to be written is flushed untimed. */
export async function measurePulls(
  pullers: readonly Puller[],
  reference: string,
  rounds: number,
  scratch: Scratch,
): Promise<Figure[]> {
  const samples = new Map<string, Sample[]>(pullers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const puller of pullers) samples.get(puller.name)?.push(await pullOnce(puller, reference, scratch));
  }
  const values = (reduce: (samples: readonly Sample[]) => number): Record<string, number | undefined> => ({
    [BERTH]: undefined,
    ...Object.fromEntries([...samples].map(([name, all]) => [name, reduce(all)])),
  });
  const seconds = (all: readonly Sample[]): number[] => all.map((sample) => sample.seconds);
  return [
    {
      title: "pull and unpack, median",
      unit: "s",
      better: "lower",
      values: values((all) => median(seconds(all))),
      mark: { times: 2 },
    },
    { title: "pull and unpack, best", unit: "s", better: "lower", values: values((all) => Math.min(...seconds(all))) },
    {
      title: "pull, unpack and sync, median",
      unit: "s",
      better: "lower",
      values: values((all) => median(all.map((sample) => sample.withSyncSeconds))),
    },
    {
      title: "pull and unpack, median",
      unit: "CPU s",
      better: "lower",
      values: values((all) => median(all.map((sample) => sample.cpuSeconds))),
    },
  ];
}

async function pullOnce(puller: Puller, reference: string, scratch: Scratch): Promise<Sample> {
  const directory = scratch.volume(puller.name);
  const commands = puller.commands(reference, directory);
  await flush();
  const timing = await timeCommands(commands);
  const syncMs = await flush();
  scratch.discardVolume(directory);
  return {
    seconds: timing.ms / 1000,
    withSyncSeconds: (timing.ms + syncMs) / 1000,
    cpuSeconds: timing.cpuSeconds,
  };
}

/** sync(1), so that no contender pays for what another has written. Returns how long it took. */
export async function flush(): Promise<number> {
  return (await timeCommands([{ program: "sync", args: [] }])).ms;
}
