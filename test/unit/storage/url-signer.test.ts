import assert from "node:assert/strict";

import { GetObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

import { s3ClientOf } from "../../../storage/s3/s3-client.js";
import type { S3Settings } from "../../../storage/s3/s3-settings.js";
import { UrlSigner } from "../../../storage/s3/url-signer.js";

describe("URL signer", () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const places: S3Settings[] = [
    { bucket: "images", region: "eu-central-1" },
    { bucket: "images", region: "us-east-1", sessionToken: "to/ken+with=signs" },
    { bucket: "images", region: "eu-central-1", endpoint: "http://127.0.0.1:9000" },
    { bucket: "images", region: "eu-central-1", endpoint: "https://s3.example:8443", forcePathStyle: false },
    { bucket: "images", region: "eu-central-1", endpoint: "https://proxy.example/s3/" },
  ];
  for (const place of places) {
    it(`signs as the SDK does for ${JSON.stringify(place)}`, async () => {
      const client = s3ClientOf({ ...place, ...credentials });
      const signer = new UrlSigner(client, place.bucket);
      // Two days: the key of a day is kept.
      for (const now of [new Date("2026-02-28T23:59:59Z"), new Date("2026-03-01T00:00:00Z")]) {
        for (const key of ["data/ab/0b1c", "team!a/data/ab/x.y-z_"]) {
          const command = new GetObjectCommand({ Bucket: place.bucket, Key: key });
          const expected = new URL(await getSignedUrl(client, command, { expiresIn: 1200, signingDate: now }));
          const url = new URL(await signer.sign(key, 1200, now));
          assert.equal(url.origin + url.pathname, expected.origin + expected.pathname);
          assert.deepEqual(Object.fromEntries(url.searchParams), Object.fromEntries(expected.searchParams));
        }
      }
      client.destroy();
    });
  }
});
