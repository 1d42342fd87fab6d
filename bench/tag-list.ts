import { BERTH, median, type Figure } from "./figure.js";
import { HttpConnection } from "./http-connection.js";
import { pushManifest } from "./registry-client.js";
import type { RegistryServer } from "./registry-server.js";
import { pushSmallImage } from "./small-image.js";

const TAGS = 10_000;
const PUSHERS = 16;
const REPOSITORY = "bench/tags";

/** The whole list of a repository with 10,000 tags: the first time, and again. */
export async function measureTagList(servers: readonly RegistryServer[], rounds: number): Promise<Figure[]> {
  const first: Record<string, number | undefined> = { [BERTH]: undefined };
  const again: Record<string, number | undefined> = { [BERTH]: undefined };
  for (const server of servers) {
    await pushTags(server);
    const connection = await HttpConnection.open(server.port);
    const list = async (): Promise<number> => {
      const start = performance.now();
      await connection.expect(200, "GET", `/v2/${REPOSITORY}/tags/list`);
      return performance.now() - start;
    };
    first[server.name] = await list();
    const times: number[] = [];
    for (let i = 0; i < rounds * 5; i++) times.push(await list());
    again[server.name] = median(times);
    connection.close();
  }
  return [
    { title: `list of ${TAGS} tags, first`, unit: "ms", better: "lower", values: first },
    { title: `list of ${TAGS} tags, again`, unit: "ms", better: "lower", values: again },
  ];
}

async function pushTags(server: RegistryServer): Promise<void> {
  const connections = await Promise.all(Array.from({ length: PUSHERS }, () => HttpConnection.open(server.port)));
  const [first] = connections;
  if (first === undefined) throw new Error("no connection");
  const { manifest } = await pushSmallImage(first, REPOSITORY, "latest", { layers: 1, layerBytes: 1024 });
  await Promise.all(
    connections.map(async (connection, i) => {
      for (let tag = i; tag < TAGS - 1; tag += PUSHERS) {
        await pushManifest(connection, REPOSITORY, `v1.0.${tag}`, manifest);
      }
      connection.close();
    }),
  );
}
