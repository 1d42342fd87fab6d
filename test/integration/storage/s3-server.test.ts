import assert from "node:assert/strict";

import type { S3Client } from "@aws-sdk/client-s3";

import { describeWith } from "../../helpers/capabilities.js";
import { objectsAt, s3Client, unfinishedUploadsAt } from "../../helpers/s3-server/s3-inspection.js";
import { S3Proxy, type Fault } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Place, type S3Place } from "../../helpers/s3-server/shared-s3-server.js";

describeWith(S3_SERVER, "the S3 server of the tests", () => {
  let place: S3Place;
  let proxy: S3Proxy;
  let client: S3Client;

  before(async () => {
    place = await s3Place();
  });

  beforeEach(async () => {
    proxy = await S3Proxy.start(place.endpoint);
    client = s3Client({ ...place, endpoint: proxy.endpoint });
  });

  afterEach(async () => {
    client.destroy();
    await proxy.stop();
  });

  it("counts requests by their operation, and starts anew", async () => {
    await objectsAt(client, place);
    await unfinishedUploadsAt(client, place);
    await objectsAt(client, place);
    assert.deepEqual(proxy.counts(), { ListObjectsV2: 2, ListMultipartUploads: 1 });
    assert.ok(proxy.bytesDown > 0);
    proxy.reset();
    assert.deepEqual(proxy.counts(), {});
  });

  const faults: Fault[] = [
    { kind: "answer", status: 503, code: "SlowDown" },
    { kind: "lose-answer" },
    { kind: "cut-answer", afterBytes: 1 },
    { kind: "reset", afterBytes: 0 },
    { kind: "delay", ms: 5 },
  ];
  for (const fault of faults) {
    it(`a client survives one fault: ${fault.kind}`, async () => {
      let faults = 1;
      proxy.faultFor = () => (faults-- > 0 ? fault : undefined);
      assert.deepEqual(await objectsAt(client, place), []);
      const hurt = fault.kind !== "delay";
      assert.equal(proxy.requests.length, hurt ? 2 : 1);
    });
  }
});
