import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CEPH_PROGRAMS, CephGateway } from "../test/helpers/s3-server/ceph-gateway.js";
import { createBucket } from "../test/helpers/s3-server/s3-inspection.js";
import { S3Proxy } from "../test/helpers/s3-server/s3-proxy.js";
import { BERTH_COMMAND, type Contender } from "./contenders.js";
import { BERTH, type Figure } from "./figure.js";
import { HttpConnection } from "./http-connection.js";
import { MANIFEST_TYPE } from "./registry-client.js";
import { DOCKER_REGISTRY_BINARY, freePort, startServer, type RegistryServer } from "./registry-server.js";
import type { Scratch } from "./scratch.js";
import { pushSmallImage, type PushedImage } from "./small-image.js";

const IMAGE = { layers: 4, layerBytes: 1_000_000 };
const REPOSITORY = "bench/bucket";
const PULLS = 5;

interface Bucket {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface BucketRegistry extends Contender {
  start(scratch: Scratch, bucket: Bucket): Promise<RegistryServer>;
}

export const BUCKET_REGISTRIES: readonly BucketRegistry[] = [
  { name: BERTH, programs: [...BERTH_COMMAND, ...CEPH_PROGRAMS], start: startBerth },
  { name: "docker-registry", programs: [DOCKER_REGISTRY_BINARY, ...CEPH_PROGRAMS], start: startDockerRegistry },
];

/** Requests that reach an S3 server for the push of an image of five blobs, for its first pull and for later ones. */
export async function measureS3Requests(registries: readonly BucketRegistry[], scratch: Scratch): Promise<Figure[]> {
  const counts = new Map<string, { push: number; first: number; later: number; bytes: number }>();
  const gateway = await CephGateway.start();
  try {
    for (const registry of registries) {
      const proxy = await S3Proxy.start(gateway.endpoint);
      const { accessKeyId, secretAccessKey } = gateway;
      const place = { endpoint: proxy.endpoint, region: "us-east-1", accessKeyId, secretAccessKey };
      await createBucket({ ...place, forcePathStyle: true }, registry.name);
      const server = await registry.start(scratch, { ...place, bucket: registry.name });
      try {
        counts.set(registry.name, await countRequests(server, proxy));
      } finally {
        await server.stop();
        await proxy.stop();
      }
    }
  } finally {
    await gateway.stop();
  }
  const values = (
    pick: (count: { push: number; first: number; later: number; bytes: number }) => number,
  ): Figure["values"] => ({
    [BERTH]: undefined,
    ...Object.fromEntries([...counts].map(([name, count]) => [name, pick(count)])),
  });
  return [
    { title: "push of an image of 5 blobs", unit: "S3 requests", better: "lower", values: values(({ push }) => push) },
    { title: "first pull of it", unit: "S3 requests", better: "lower", values: values(({ first }) => first) },
    { title: "each later pull", unit: "S3 requests", better: "lower", values: values(({ later }) => later) },
    {
      title: "pulls, through the registry",
      unit: "bytes from S3",
      better: "lower",
      values: values(({ bytes }) => bytes),
    },
  ];
}

async function countRequests(
  server: RegistryServer,
  proxy: S3Proxy,
): Promise<{ push: number; first: number; later: number; bytes: number }> {
  const connection = await HttpConnection.open(server.port);
  proxy.reset();
  const image = await pushSmallImage(connection, REPOSITORY, "latest", IMAGE);
  const push = proxy.requests.length;
  proxy.reset();
  await pull(connection, image);
  const first = proxy.requests.length;
  for (let i = 0; i < PULLS; i++) await pull(connection, image);
  const later = (proxy.requests.length - first) / PULLS;
  const bytes = proxy.bytesDown;
  connection.close();
  return { push, first, later, bytes };
}

/** Redirects are not followed: what the client then fetches is no request of the registry's. */
async function pull(connection: HttpConnection, { digest, blobs }: PushedImage): Promise<void> {
  const accept = { Accept: MANIFEST_TYPE };
  await connection.expect(200, "HEAD", `/v2/${REPOSITORY}/manifests/latest`, accept);
  await connection.expect(200, "GET", `/v2/${REPOSITORY}/manifests/${digest}`, accept);
  for (const blob of blobs) await connection.request("GET", `/v2/${REPOSITORY}/blobs/${blob}`);
}

async function startBerth(scratch: Scratch, bucket: Bucket): Promise<RegistryServer> {
  const directory = scratch.path("berth-bucket");
  mkdirSync(directory);
  const port = await freePort();
  const storage = { s3: { ...bucket, forcePathStyle: true } };
  const file = join(directory, "registry.yaml");
  writeFileSync(file, JSON.stringify({ listen: `127.0.0.1:${port}`, storage }));
  return await startServer(BERTH, directory, port, [...BERTH_COMMAND, "registry", "serve", "--config", file]);
}

async function startDockerRegistry(scratch: Scratch, bucket: Bucket): Promise<RegistryServer> {
  const directory = scratch.path("docker-registry-bucket");
  mkdirSync(directory);
  const port = await freePort();
  const file = join(directory, "config.json");
  const config = {
    version: 0.1,
    storage: {
      cache: { blobdescriptor: "inmemory" },
      s3: {
        region: bucket.region,
        regionendpoint: bucket.endpoint,
        bucket: bucket.bucket,
        accesskey: bucket.accessKeyId,
        secretkey: bucket.secretAccessKey,
        secure: false,
        v4auth: true,
      },
    },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(file, JSON.stringify(config));
  return await startServer("docker-registry", directory, port, [DOCKER_REGISTRY_BINARY, "serve", file]);
}
