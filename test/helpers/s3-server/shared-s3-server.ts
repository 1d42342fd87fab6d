import { randomUUID } from "node:crypto";
import process from "node:process";

import { program, type Capability } from "../capabilities.js";
import { CEPH_PROGRAMS, CephGateway } from "./ceph-gateway.js";
import { createBucket } from "./s3-inspection.js";
import type { S3Place, S3Server } from "./s3-place.js";

export type { S3Place } from "./s3-place.js";

/**
 * For describeWith: what suites on S3 need of the machine. Nothing when S3_ENDPOINT (with S3_ACCESS_KEY, S3_SECRET_KEY and
 * S3_BUCKET, a bucket that exists) names a server that runs already.
 */
export const S3_SERVER: readonly Capability[] = process.env["S3_ENDPOINT"] ? [] : CEPH_PROGRAMS.map(program);

let starting: Promise<{ server: S3Server; stop: () => Promise<void> }> | undefined;

/** The one server of this test run, started by whoever asks first and stopped after the last suite. */
export async function s3Server(): Promise<S3Server> {
  starting ??= start();
  return (await starting).server;
}

/** A place of one's own on the server: a prefix that nobody else uses, in a bucket that all share. */
export async function s3Place(): Promise<S3Place> {
  const server = await s3Server();
  return { ...server, bucket: process.env["S3_BUCKET"] ?? SHARED_BUCKET, prefix: `${randomUUID()}/` };
}

const SHARED_BUCKET = "berth-tests";

async function start(): Promise<{ server: S3Server; stop: () => Promise<void> }> {
  const { S3_ENDPOINT: endpoint, S3_ACCESS_KEY: accessKeyId, S3_SECRET_KEY: secretAccessKey, S3_REGION } = process.env;
  const common = { region: S3_REGION ?? "us-east-1", forcePathStyle: true };
  if (endpoint) {
    if (!accessKeyId || !secretAccessKey || !process.env["S3_BUCKET"]) {
      throw new Error("S3_ENDPOINT needs S3_ACCESS_KEY, S3_SECRET_KEY and S3_BUCKET beside it");
    }
    return { server: { ...common, endpoint, accessKeyId, secretAccessKey }, stop: async () => await Promise.resolve() };
  }
  const gateway = await CephGateway.start();
  const server = {
    ...common,
    endpoint: gateway.endpoint,
    accessKeyId: gateway.accessKeyId,
    secretAccessKey: gateway.secretAccessKey,
  };
  try {
    await createBucket(server, SHARED_BUCKET);
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return {
    server,
    stop: async () => {
      await gateway.stop();
    },
  };
}

// Loaded while mocha reads the suites, so this belongs to the whole run.
after(async () => {
  await (await starting?.catch(() => undefined))?.stop();
});
