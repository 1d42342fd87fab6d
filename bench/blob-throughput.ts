import { BERTH, median, type Figure } from "./figure.js";
import { uniqueBlob } from "./blob-content.js";
import { HttpConnection } from "./http-connection.js";
import { cpuSeconds, peakMemoryMiB, resetPeakMemory } from "./process-accounting.js";
import { pushBlob } from "./registry-client.js";
import type { RegistryServer } from "./registry-server.js";

const REPOSITORY = "bench/blobs";
const MB = 1_000_000;
const GIB = 1024 ** 3;

export interface BlobSize {
  readonly label: string;
  readonly bytes: number;
  /** Blobs moved in one round. */
  readonly perRound: number;
  readonly rounds: number;
  readonly pushMark?: number;
}

export const BLOB_SIZES: readonly BlobSize[] = [
  { label: "1 MB", bytes: MB, perRound: 100, rounds: 3 },
  { label: "100 MB", bytes: 100 * MB, perRound: 2, rounds: 5 },
];
export const LARGE_BLOB: BlobSize = { label: "1 GB", bytes: 1000 * MB, perRound: 1, rounds: 5, pushMark: 2 };
const GET_MARK = 1;

interface Sample {
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGiB: number;
  readonly peakMiB: number;
}

/**
 * Push and GET of blobs on one keep-alive connection, the servers taking turns; `settle` runs before each, untimed. What is read a
 * third time has come to be in memory, however a server treats the first.
 */
export async function measureBlobThroughput(
  servers: readonly RegistryServer[],
  size: BlobSize,
  settle: () => Promise<void>,
): Promise<Figure[]> {
  const pushes = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
  const gets = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
  const later = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < size.rounds; round++) {
    for (const server of servers) {
      const connection = await HttpConnection.open(server.port);
      const blobs = Array.from({ length: size.perRound }, () => uniqueBlob(size.bytes));
      await settle();
      const push = await sample(server, size, async () => {
        for (const blob of blobs) await pushBlob(connection, REPOSITORY, blob);
      });
      pushes.get(server.name)?.push(push);
      await settle();
      const getAll = async (): Promise<void> => {
        for (const { digest } of blobs) await getWhole(connection, digest, size.bytes);
      };
      gets.get(server.name)?.push(await sample(server, size, getAll));
      await getAll();
      later.get(server.name)?.push(await sample(server, size, getAll));
      connection.close();
    }
  }
  return [
    ...figures(`push of ${size.label} blobs`, pushes, size.pushMark),
    ...figures(`first GET of ${size.label} blobs`, gets, GET_MARK),
    ...figures(`GET of ${size.label} blobs again`, later, GET_MARK),
  ];
}

async function getWhole(connection: HttpConnection, digest: string, bytes: number): Promise<void> {
  const reply = await connection.expect(200, "GET", `/v2/${REPOSITORY}/blobs/${digest}`);
  if (reply.bytes !== bytes) throw new Error(`GET of ${digest}: ${reply.bytes} bytes instead of ${bytes}`);
}

async function sample(server: RegistryServer, size: BlobSize, work: () => Promise<void>): Promise<Sample> {
  resetPeakMemory(server.pid);
  const [cpu, start] = [cpuSeconds(server.pid), performance.now()];
  await work();
  const seconds = (performance.now() - start) / 1000;
  const bytes = size.bytes * size.perRound;
  return {
    megabytesPerSecond: bytes / MB / seconds,
    cpuSecondsPerGiB: ((cpuSeconds(server.pid) - cpu) * GIB) / bytes,
    peakMiB: peakMemoryMiB(server.pid),
  };
}

function figures(title: string, results: ReadonlyMap<string, readonly Sample[]>, mark?: number): Figure[] {
  const values = (pick: (sample: Sample) => number): Record<string, number | undefined> => ({
    [BERTH]: undefined,
    ...Object.fromEntries([...results].map(([name, all]) => [name, median(all.map(pick))])),
  });
  return [
    {
      title,
      unit: "MB/s",
      better: "higher",
      values: values(({ megabytesPerSecond }) => megabytesPerSecond),
      ...(mark !== undefined && { mark: { times: mark } }),
    },
    { title, unit: "CPU s/GiB", better: "lower", values: values((sample) => sample.cpuSecondsPerGiB) },
    { title, unit: "peak MiB", better: "lower", values: values((sample) => sample.peakMiB) },
  ];
}
