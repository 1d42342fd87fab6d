import { BERTH, median, quantile, type Figure } from "./figure.js";
import { HttpConnection } from "./http-connection.js";
import { peakMemoryMiB, resetPeakMemory } from "./process-accounting.js";
import type { RegistryServer } from "./registry-server.js";
import { pushSmallImage } from "./small-image.js";

const PUSHES = 100;
const IMAGE = { layers: 2, layerBytes: 1_000_000 };

interface Round {
  readonly perSecond: number;
  readonly p99Seconds: number;
  readonly peakMiB: number;
}

/** A hundred clients push an image each, all at once, each into a repository of its own; `settle` runs before, untimed. */
export async function measureConcurrentPushes(
  servers: readonly RegistryServer[],
  rounds: number,
  settle: () => Promise<void>,
): Promise<Figure[]> {
  const results = new Map<string, Round[]>(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      await settle();
      results.get(server.name)?.push(await pushAll(server, round));
    }
  }
  const values = (pick: (round: Round) => number): Record<string, number | undefined> => ({
    [BERTH]: undefined,
    ...Object.fromEntries([...results].map(([name, all]) => [name, median(all.map(pick))])),
  });
  const title = `${PUSHES} concurrent pushes of 2 MB images`;
  return [
    { title, unit: "pushes/s", better: "higher", values: values(({ perSecond }) => perSecond) },
    { title: `${title}, 99th percentile`, unit: "s", better: "lower", values: values(({ p99Seconds }) => p99Seconds) },
    { title, unit: "peak MiB", better: "lower", values: values(({ peakMiB }) => peakMiB) },
  ];
}

async function pushAll(server: RegistryServer, round: number): Promise<Round> {
  const connections = await Promise.all(Array.from({ length: PUSHES }, () => HttpConnection.open(server.port)));
  resetPeakMemory(server.pid);
  const start = performance.now();
  const seconds = await Promise.all(
    connections.map(async (connection, i) => {
      await pushSmallImage(connection, `bench/push-${i}`, `round-${round}`, IMAGE);
      connection.close();
      return (performance.now() - start) / 1000;
    }),
  );
  return {
    perSecond: PUSHES / Math.max(...seconds),
    p99Seconds: quantile(seconds, 0.99),
    peakMiB: peakMemoryMiB(server.pid),
  };
}
