import { BERTH, median, quantile, type Figure } from "./figure.js";
import { uniqueBlob } from "./blob-content.js";
import { HttpConnection } from "./http-connection.js";
import { MANIFEST_TYPE, pushBlob, pushManifest } from "./registry-client.js";
import type { RegistryServer } from "./registry-server.js";

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

interface Round {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** GET of one manifest by tag and by digest on keep-alive connections, the servers taking turns. */
export async function measureManifestRate(
  servers: readonly RegistryServer[],
  rounds: number,
  roundMs: number,
): Promise<Figure[]> {
  const digests = new Map<string, string>();
  for (const server of servers) digests.set(server.name, await pushImage(server));
  const figures: Figure[] = [];
  for (const by of ["tag", "digest"] as const) {
    const results = new Map<string, Round[]>(servers.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        const reference = by === "tag" ? "latest" : (digests.get(server.name) ?? "");
        const path = `/v2/${REPOSITORY}/manifests/${reference}`;
        await load(server, path, WARM_UP_MS);
        results.get(server.name)?.push(await load(server, path, roundMs));
      }
    }
    const values = (pick: (round: Round) => number): Record<string, number> =>
      Object.fromEntries([...results].map(([name, all]) => [name, median(all.map(pick))]));
    figures.push(
      {
        title: `manifest GET by ${by}, ${CONNECTIONS} connections`,
        unit: "requests/s",
        better: "higher",
        values: { [BERTH]: undefined, ...values(({ perSecond }) => perSecond) },
        mark: { times: 5 },
      },
      {
        title: `manifest GET by ${by}, 99th percentile`,
        unit: "ms",
        better: "lower",
        values: { [BERTH]: undefined, ...values(({ p99Ms }) => p99Ms) },
      },
    );
  }
  return figures;
}

/** A small image of eight layers. Returns its manifest's digest. */
async function pushImage(server: RegistryServer): Promise<string> {
  const connection = await HttpConnection.open(server.port);
  const blobs = Array.from({ length: LAYERS + 1 }, () => uniqueBlob(1024));
  for (const blob of blobs) await pushBlob(connection, REPOSITORY, blob);
  const [config, ...layers] = blobs.map(({ digest, bytes }) => ({ digest, size: bytes }));
  const digest = await pushManifest(connection, REPOSITORY, "latest", {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: layers.map((layer) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer })),
  });
  connection.close();
  return digest;
}

async function load(server: RegistryServer, path: string, durationMs: number): Promise<Round> {
  const latencies: number[] = [];
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(server.port)));
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (let now = performance.now(); now < start + durationMs;) {
        await connection.expect(200, "GET", path, { Accept: ACCEPT });
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
