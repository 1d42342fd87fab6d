import { BERTH, median, quantile, type Figure } from "./figure.js";
import { HttpConnection } from "./http-connection.js";
import { MANIFEST_TYPE } from "./registry-client.js";
import type { RegistryServer } from "./registry-server.js";
import { pushSmallImage } from "./small-image.js";

const CONNECTIONS = 16;
const WARM_UP_MS = 1_000;
const REPOSITORY = "bench/manifests";
const LAYERS = 8;
const ACCEPT = [
  MANIFEST_TYPE,
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

const QUESTIONS = [
  ["GET", "tag"],
  ["GET", "digest"],
  ["HEAD", "tag"],
  ["HEAD", "digest"],
] as const;

interface Round {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** GET and HEAD of one manifest by tag and by digest on keep-alive connections, the servers taking turns. */
export async function measureManifestRate(
  servers: readonly RegistryServer[],
  rounds: number,
  roundMs: number,
): Promise<Figure[]> {
  const digests = new Map<string, string>();
  for (const server of servers) {
    const connection = await HttpConnection.open(server.port);
    const image = await pushSmallImage(connection, REPOSITORY, "latest", { layers: LAYERS, layerBytes: 1024 });
    digests.set(server.name, image.digest);
    connection.close();
  }
  const figures: Figure[] = [];
  for (const [method, by] of QUESTIONS) {
    const results = new Map<string, Round[]>(servers.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        const reference = by === "tag" ? "latest" : (digests.get(server.name) ?? "");
        const path = `/v2/${REPOSITORY}/manifests/${reference}`;
        await load(server, method, path, WARM_UP_MS);
        results.get(server.name)?.push(await load(server, method, path, roundMs));
      }
    }
    const values = (pick: (round: Round) => number): Record<string, number> =>
      Object.fromEntries([...results].map(([name, all]) => [name, median(all.map(pick))]));
    figures.push(
      {
        title: `manifest ${method} by ${by}, ${CONNECTIONS} connections`,
        unit: "requests/s",
        better: "higher",
        values: { [BERTH]: undefined, ...values(({ perSecond }) => perSecond) },
        mark: { times: 5 },
      },
      {
        title: `manifest ${method} by ${by}, 99th percentile`,
        unit: "ms",
        better: "lower",
        values: { [BERTH]: undefined, ...values(({ p99Ms }) => p99Ms) },
      },
    );
  }
  return figures;
}

async function load(server: RegistryServer, method: string, path: string, durationMs: number): Promise<Round> {
  const latencies: number[] = [];
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(server.port)));
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (let now = performance.now(); now < start + durationMs;) {
        await connection.expect(200, method, path, { Accept: ACCEPT });
        const answered = performance.now();
        latencies.push(answered - now);
        now = answered;
      }
      connection.close();
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  return { perSecond: latencies.length / seconds, p99Ms: quantile(latencies, 0.99) };
}
