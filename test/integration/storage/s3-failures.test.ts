import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { S3Client } from "@aws-sdk/client-s3";

import { isBerthError, type BerthError, type ErrorCode } from "../../../oci/errors.js";
import { collectGarbage } from "../../../registry/collector/collect.js";
import { startRegistry } from "../../../registry/index.js";
import { weaknessOf } from "../../../storage/s3/condition-probe.js";
import { LoneCreation } from "../../../storage/s3/lone-creation.js";
import { S3Bucket } from "../../../storage/s3/s3-bucket.js";
import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import type { S3Settings } from "../../../storage/s3/s3-settings.js";
import { describeWith } from "../../helpers/capabilities.js";
import { createBucket, objectsAt, removeBucket, s3Client } from "../../helpers/s3-server/s3-inspection.js";
import { S3Proxy } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";

const saying =
  (code: ErrorCode, words: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isBerthError(error, code), String(error));
    assert.match(error.message, words);
    assert.ok(!error.message.includes("\n"));
    return true;
  };

describeWith(S3_SERVER, "S3 object store that cannot reach its bucket", () => {
  let place: S3Place;
  let proxy: S3Proxy;

  beforeEach(async () => {
    place = await s3Place();
    proxy = await S3Proxy.start(place.endpoint);
  });

  afterEach(async () => {
    await proxy.stop();
  });

  const withStore = async (
    settings: Partial<S3Settings>,
    use: (store: S3ObjectStore) => Promise<void>,
  ): Promise<void> => {
    const store = await S3ObjectStore.open(
      { ...place, endpoint: proxy.endpoint, maxAttempts: 3, ...settings },
      { probe: false },
    );
    try {
      await use(store);
    } finally {
      await store.close();
    }
  };

  it("probes the server when it is opened, and leaves nothing of the probe", async () => {
    const store = await S3ObjectStore.open({ ...place, endpoint: proxy.endpoint });
    assert.equal(store.traits.conditionalCreate, true);
    await store.close();
    const client = s3Client(place);
    assert.deepEqual(await objectsAt(client, place), []);
    client.destroy();
  });

  /** As with a server that does not know the header: whoever comes last has written. */
  const carelessClient = (): S3Client => {
    const client = s3Client(place);
    client.middlewareStack.add(
      (next) => async (args) => {
        const { request } = args as { request?: { headers?: Record<string, string> } };
        if (request?.headers !== undefined) delete request.headers["if-none-match"];
        return await next(args);
      },
      { step: "build", priority: "low" },
    );
    return client;
  };

  it("tells a server that takes every creation", async () => {
    const client = carelessClient();
    assert.match((await weaknessOf(new S3Bucket(client, place))) ?? "", /does not keep conditional creations/);
    assert.deepEqual(await objectsAt(client, place), []);
    client.destroy();
  });

  it("tells a server whose listings lag, as behind a cache, and is not trusted with garbage then", async () => {
    const client = s3Client(place);
    // Every listing, or those from the second on: then what was deleted is still listed.
    for (const from of [1, 2]) {
      proxy.reset();
      proxy.faultFor = ({ operation }) => {
        const listings = proxy.counts()["ListObjectsV2"] ?? 0;
        return operation === "ListObjectsV2" && listings >= from ? { kind: "answer-as-before" } : undefined;
      };
      const store = await S3ObjectStore.open({ ...place, endpoint: proxy.endpoint });
      try {
        assert.equal(store.traits.conditionalCreate, false);
        await assert.rejects(
          collectGarbage(store, { graceMs: 0 }),
          saying("UNSUPPORTED", /the store does not list at once what was written and deleted/),
        );
        await assert.rejects(
          startRegistry({ store, sharesStore: true }),
          saying("UNSUPPORTED", /does not list at once .*set workers to 1/),
        );
      } finally {
        await store.close();
      }
    }
    assert.deepEqual(await objectsAt(client, place), []);
    client.destroy();
  });

  it("lets one creation win also there, in the one process that may use it", async () => {
    const client = carelessClient();
    const creation = new LoneCreation(new S3Bucket(client, place));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, i) => {
        await creation.create("k", Buffer.from(String(i)));
      }),
    );
    const won = outcomes.map(({ status }) => status).indexOf("fulfilled");
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await new S3Bucket(client, place).get("k")).toString(), String(won));
    await new S3Bucket(client, place).delete("k");
    client.destroy();
  });

  it("says what is wrong: no such bucket, refused credentials, no space, no server", async () => {
    const bucket = `gone-${randomUUID()}`;
    await withStore({ bucket }, async (store) => {
      await assert.rejects(store.list({ prefix: "" }), saying("UNAVAILABLE", /bucket gone-.* does not exist/));
      await assert.rejects(store.put("k", Buffer.from("x")), saying("UNAVAILABLE", /does not exist/));
      await assert.rejects(store.get("k"), saying("UNAVAILABLE", /does not exist/));
    });
    await withStore({ secretAccessKey: "wrong-secret" }, async (store) => {
      await assert.rejects(store.get("k"), (error) => {
        assert.ok(!String((error as BerthError).stack).includes("wrong-secret"));
        return saying("STORAGE", /refuses our credentials/)(error);
      });
    });
    proxy.faultFor = () => ({ kind: "answer", status: 403, code: "QuotaExceeded" });
    await withStore({}, async (store) => {
      await assert.rejects(store.put("k", Buffer.from("x")), saying("NO_SPACE", /no space left in bucket/));
    });
    await withStore({ endpoint: "http://127.0.0.1:1" }, async (store) => {
      await assert.rejects(
        store.get("k"),
        saying("UNAVAILABLE", /did not answer while reading k \(3 attempts\): ECONNREFUSED$/),
      );
    });
  });

  it("gives up in time when every answer is a fault, and works when the server does again", async () => {
    await withStore({}, async (store) => {
      proxy.faultFor = () => ({ kind: "answer", status: 503, code: "ServiceUnavailable" });
      await assert.rejects(store.put("k", Buffer.from("x")), saying("UNAVAILABLE", /3 attempts/));
      assert.equal(proxy.requests.length, 3);
      proxy.faultFor = () => undefined;
      await store.put("k", Buffer.from("x"));
      assert.equal((await store.get("k")).toString(), "x");
    });
  });

  it("goes on when its bucket went away in the middle of an upload and came back", async () => {
    const bucket = `comes-back-${randomUUID()}`;
    await createBucket(place, bucket);
    await withStore({ bucket, partSize: 5 * 1024 * 1024 }, async (store) => {
      const upload = await store.openUpload("up");
      await upload.write(Buffer.alloc(1000));
      await removeBucket(place, bucket);
      await assert.rejects(upload.complete(), saying("UNAVAILABLE", /does not exist/));
      await upload.abort();
      await createBucket(place, bucket);
      const again = await store.openUpload("up");
      await again.write(Buffer.alloc(1000));
      await again.complete();
      assert.equal((await store.stat("up"))?.size, 1000);
    });
    await removeBucket(place, bucket);
  });
});
