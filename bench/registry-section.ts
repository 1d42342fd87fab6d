import { BLOB_SIZES, LARGE_BLOB, measureBlobThroughput } from "./blob-throughput.js";
import { measureConcurrentPushes } from "./concurrent-pushes.js";
import { present } from "./contenders.js";
import { measureManifestRate } from "./manifest-rate.js";
import { pinClient, unpinClient } from "./pinned-cores.js";
import { flush } from "./pull-time.js";
import { REGISTRIES, type RegistryServer } from "./registry-server.js";
import { renderFigures } from "./report.js";
import { BUCKET_REGISTRIES, measureS3Requests } from "./s3-requests.js";
import type { BenchOptions } from "./sections.js";
import { measureTagList } from "./tag-list.js";

const MANIFEST_ROUND_MS = 4_000;

export async function benchRegistry({ full, rounds, scratch, without, print }: BenchOptions): Promise<void> {
  const servers: RegistryServer[] = [];
  const settle = async (): Promise<void> => void (await flush());
  pinClient();
  try {
    for (const registry of present(REGISTRIES, without, print)) servers.push(await registry.start(scratch));
    print(renderFigures("Registry: manifests", await measureManifestRate(servers, rounds, MANIFEST_ROUND_MS)));
    for (const size of [...BLOB_SIZES, ...(full ? [LARGE_BLOB] : [])]) {
      const figures = await measureBlobThroughput(servers, size, settle);
      print(renderFigures(`Registry: blobs of ${size.label}, one connection`, figures));
    }
    print(renderFigures("Registry: a hundred clients", await measureConcurrentPushes(servers, rounds, settle)));
    if (full) print(renderFigures("Registry: tags", await measureTagList(servers, rounds)));
  } finally {
    for (const server of servers) await server.stop();
    unpinClient();
  }
  const onBucket = present(BUCKET_REGISTRIES, without, print);
  if (onBucket.length > 0) print(renderFigures("Registry: on S3", await measureS3Requests(onBucket, scratch)));
}
