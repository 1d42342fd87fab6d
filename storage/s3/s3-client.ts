import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import process from "node:process";
import { rootCertificates } from "node:tls";

import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";

import { BerthError } from "../../oci/errors.js";
import type { S3Settings } from "./s3-settings.js";

const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_ATTEMPTS = 6;
/** Bodies on their way to slow readers hold a socket each, and must not keep other requests from getting one. */
const MAX_SOCKETS = 4096;

/**
 * Requests are tried again by the SDK after 5xx, throttling, timeouts and lost connections, with exponential backoff and full
 * jitter; an outage empties its budget of retries, so that it is told soon. Every body we send is in memory and can be sent
 * again. Checksums beyond the signature only where S3 demands them: MinIO, Ceph, R2 and SeaweedFS differ in which they take.
 * @throws BerthError STORAGE when the CA file cannot be read
 */
export function s3ClientOf(settings: S3Settings, endpoint = settings.endpoint): S3Client {
  // Otherwise each start says that later versions of the SDK will want a later Node.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const config: S3ClientConfig = {
    region: settings.region ?? process.env["AWS_REGION"] ?? "us-east-1",
    forcePathStyle: settings.forcePathStyle ?? settings.endpoint !== undefined,
    maxAttempts: settings.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    retryMode: "standard",
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: settings.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...trustOf(settings.caFile) }),
    }),
    ...(endpoint !== undefined && { endpoint }),
    ...credentialsOf(settings),
  };
  return new S3Client(config);
}

function credentialsOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: S3Settings): Pick<S3ClientConfig, "credentials"> {
  if (accessKeyId === undefined || secretAccessKey === undefined) return {};
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) } };
}

function trustOf(caFile: string | undefined): { ca?: string[] } {
  if (caFile === undefined) return {};
  try {
    return { ca: [...rootCertificates, readFileSync(caFile, "utf8")] };
  } catch (cause) {
    throw new BerthError("STORAGE", `the certificates in ${caFile} cannot be read: ${String(cause)}`, { cause });
  }
}
