import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { isBerthError } from "../../../oci/errors.js";
import { listAllKeys, listAllPrefixes } from "../../../registry/storage/whole-listing.js";
import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";

/** With more than a page of keys, what reads listings to their end read for ever, into memory. */
describe("an S3 server that gives the first page of a listing again and again", () => {
  let server: Server;
  let store: S3ObjectStore;

  beforeEach(async () => {
    server = createServer((request, response) => {
      const below = new URL(request.url ?? "", "http://s3").searchParams.has("delimiter")
        ? "<CommonPrefixes><Prefix>tags/a/</Prefix></CommonPrefixes>"
        : "<Contents><Key>tags/a/1</Key></Contents>";
      response.setHeader("Content-Type", "application/xml");
      response.end(`<ListBucketResult><IsTruncated>true</IsTruncated>${below}</ListBucketResult>`);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
    store = await S3ObjectStore.open({ bucket: "images", endpoint, ...credentials }, { probe: false });
  });

  afterEach(async () => {
    await store.close();
    server.closeAllConnections();
    server.close();
  });

  for (const [what, listAll] of [
    ["keys", listAllKeys],
    ["prefixes", listAllPrefixes],
  ] as const) {
    it(`ends a listing of ${what} with an error`, async () => {
      await assert.rejects(
        listAll(store, "tags/"),
        (error) => isBerthError(error, "STORAGE") && error.message.includes("start-after"),
      );
    });
  }
});
