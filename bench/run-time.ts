import { BERTH, median, quantile, type Figure } from "./figure.js";
import { timeCommands, type Command } from "./timed-command.js";

/** A prepared way to run a program in a container and remove the container. */
export interface Runner {
  readonly name: string;
  /** `true` in a fresh container. */
  readonly command: Command;
  /** A bare runtime: no image, no file system of its own, no storage. */
  readonly reference?: boolean;
}

const WARM_UP_ROUNDS = 2;

/** Wall and CPU time of each runner's command, the contenders taking turns. */
export async function measureRuns(runners: readonly Runner[], rounds: number): Promise<Figure[]> {
  const ms = new Map<string, number[]>(runners.map(({ name }) => [name, []]));
  const cpu = new Map<string, number>(runners.map(({ name }) => [name, 0]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { name, command } of runners) {
      const timing = await timeCommands([command]);
      if (round < 0) continue;
      ms.get(name)?.push(timing.ms);
      cpu.set(name, (cpu.get(name) ?? 0) + timing.cpuSeconds);
    }
  }
  const reference = runners.filter((runner) => runner.reference).map(({ name }) => name);
  const values = (reduce: (name: string, all: readonly number[]) => number): Record<string, number | undefined> => ({
    [BERTH]: undefined,
    ...Object.fromEntries([...ms].map(([name, all]) => [name, reduce(name, all)])),
  });
  const line = { unit: "ms", better: "lower", reference } as const;
  return [
    {
      ...line,
      title: "run --rm true, median",
      values: values((_, all) => median(all)),
      mark: { times: 2, against: ["podman"] },
    },
    { ...line, title: "run --rm true, best", values: values((_, all) => Math.min(...all)) },
    { ...line, title: "run --rm true, 90th percentile", values: values((_, all) => quantile(all, 0.9)) },
    {
      ...line,
      title: "run --rm true, mean",
      unit: "CPU ms",
      values: values((name) => ((cpu.get(name) ?? 0) * 1000) / rounds),
    },
  ];
}
