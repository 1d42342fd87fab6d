import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { isBerthError } from "../../../oci/errors.js";
import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import type { S3Settings } from "../../../storage/s3/s3-settings.js";
import { describeWith } from "../../helpers/capabilities.js";
import { S3Proxy } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { TestCertificates } from "../registry/auth/support/test-certificates.js";

describeWith(S3_SERVER, "S3 settings", () => {
  let place: S3Place;

  before(async () => {
    place = await s3Place();
  });

  const withStore = async (settings: S3Settings, use: (store: S3ObjectStore) => Promise<void>): Promise<void> => {
    const store = await S3ObjectStore.open(settings, { probe: false });
    try {
      await use(store);
    } finally {
      await store.close();
    }
  };

  it("trust the certificates of caFile, and no server without", async () => {
    const authority = await TestCertificates.create();
    const { certificate, key } = await authority.issue("s3", "localhost");
    const proxy = await S3Proxy.start(place.endpoint, { cert: readFileSync(certificate), key: readFileSync(key) });
    try {
      const settings = { ...place, endpoint: proxy.endpoint, maxAttempts: 1 };
      await withStore({ ...settings, caFile: authority.ca }, async (store) => {
        await store.put("k", Buffer.from("over TLS"));
        assert.equal((await store.get("k")).toString(), "over TLS");
        await store.delete("k");
      });
      await withStore(settings, async (store) => {
        await assert.rejects(store.get("k"), (error) => isBerthError(error, "UNAVAILABLE"));
      });
      const missing = { ...settings, caFile: `${authority.directory}/nothing.pem` };
      await assert.rejects(S3ObjectStore.open(missing), /nothing\.pem cannot be read/);
    } finally {
      await proxy.stop();
      authority.remove();
    }
  });

  it("ask for encryption with each object that is written, in one part or several", async () => {
    const proxy = await S3Proxy.start(place.endpoint);
    // Ceph without a key server refuses all encryption.
    proxy.faultFor = () => ({ kind: "answer", status: 400, code: "InvalidArgument" });
    const settings = {
      ...place,
      endpoint: proxy.endpoint,
      serverSideEncryption: "aws:kms",
      kmsKeyId: "a-key",
      partSize: 5 * 1024 * 1024,
    } as const;
    try {
      await withStore(settings, async (store) => {
        await assert.rejects(store.put("k", Buffer.from("x")));
        const upload = await store.openUpload("up");
        await assert.rejects(async () => {
          await upload.write(Buffer.alloc(6 * 1024 * 1024));
          await upload.complete();
        });
        await upload.abort();
      });
      assert.deepEqual(
        proxy.requests.map(({ operation, headers }) => [
          operation,
          headers["x-amz-server-side-encryption"],
          headers["x-amz-server-side-encryption-aws-kms-key-id"],
        ]),
        [
          ["PutObject", "aws:kms", "a-key"],
          ["CreateMultipartUpload", "aws:kms", "a-key"],
        ],
      );
    } finally {
      await proxy.stop();
    }
  });

  it("find credentials in the environment when none are given", async () => {
    const { accessKeyId, secretAccessKey, ...rest } = place;
    const before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    try {
      await withStore(rest, async (store) => {
        await store.put("k", Buffer.from("x"));
        assert.equal((await fetch(await store.presign("k", 60))).status, 200);
        await store.delete("k");
      });
    } finally {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});
