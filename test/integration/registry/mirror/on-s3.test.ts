import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { S3ObjectStore } from "../../../../storage/s3/s3-object-store.js";
import { describeWith } from "../../../helpers/capabilities.js";
import { S3_SERVER, s3Place } from "../../../helpers/s3-server/shared-s3-server.js";
import { sha256 } from "../../../helpers/small-image.js";
import { bytesOf } from "../support/content.js";
import { MirrorRig } from "./support/mirror-rig.js";

describeWith(S3_SERVER, "a mirror on S3", () => {
  let store: S3ObjectStore;
  let rig: MirrorRig;

  before(async () => {
    const place = await s3Place();
    store = await S3ObjectStore.open({ ...place, publicEndpoint: place.endpoint });
    rig = await MirrorRig.start({ registry: { store }, layer: randomBytes(9_000_000) });
  });

  after(async () => {
    await rig.stop();
    await store.close();
  });

  it("serves a cold blob while it goes into the bucket, and then from there, with the upstream gone", async () => {
    const tag = "/v2/up/team/app/manifests/v1";
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath))),
    );
    assert.equal(answers.filter((bytes) => bytes.equals(rig.layerBytes)).length, 5);
    assert.equal(rig.count("GET", rig.layer), 1);
    assert.equal(sha256(await bytesOf(await rig.mirror.expect(200, "GET", tag))), rig.image.manifest);
    rig.upstream.script = (_request, response) => {
      response.destroy();
      return true;
    };
    // A client that comes before the bucket has the blob takes part in the transfer; later ones are sent to the bucket.
    assert.deepEqual(await bytesOf(await rig.mirror.expect(200, "GET", rig.layerPath)), rig.layerBytes);
    const stale = await rig.mirror.expect(200, "GET", tag);
    assert.equal(sha256(await bytesOf(stale)), rig.image.manifest);
    assert.equal(stale.headers.get("Warning"), '110 - "Response is Stale"');
  });
});
