import { createHash } from "node:crypto";

import { DeleteObjectsCommand } from "@aws-sdk/client-s3";

import type { S3Bucket } from "./s3-bucket.js";
import { answerOf } from "./s3-faults.js";

/** Below this a request for each costs no more. */
const LEAST = 2;

/** Deletes a few objects in one request, or in one for each where a server does not know DeleteObjects (GCS). */
export class BulkDeletion {
  #isUnknown = false;

  constructor(private readonly bucket: S3Bucket) {}

  /** @param keys 1,000 at most */
  async delete(keys: readonly string[]): Promise<void> {
    const rest = keys.length < LEAST || this.#isUnknown ? keys : await this.#deleteAtOnce(keys);
    const results = await Promise.allSettled(rest.map(async (key) => await this.bucket.delete(key)));
    const failed = results.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  /** Returns what has still to be deleted. */
  async #deleteAtOnce(keys: readonly string[]): Promise<readonly string[]> {
    const { client, name, prefix } = this.bucket;
    const objects = keys.map((key) => ({ Key: prefix + key }));
    const command = new DeleteObjectsCommand({ Bucket: name, Delete: { Objects: objects, Quiet: true } });
    // The one request that must carry a checksum. The SDK sends CRC32, which servers of before 2022 do not take for one.
    command.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { readonly headers: Record<string, string>; readonly body: string };
        request.headers["content-md5"] = createHash("md5").update(request.body).digest("base64");
        return await next(args);
      },
      { step: "build", name: "contentMd5" },
    );
    try {
      const { Errors = [] } = await client.send(command);
      const failed = new Set(Errors.map(({ Key }) => Key));
      return keys.filter((key) => failed.has(prefix + key));
    } catch (error) {
      const { status = 0 } = answerOf(error);
      this.#isUnknown ||= status === 400 || status === 405 || status === 411 || status === 501;
      return keys;
    }
  }
}
