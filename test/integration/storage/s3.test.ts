import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import { describeWith } from "../../helpers/capabilities.js";
import { objectsAt, s3Client, unfinishedUploadsAt } from "../../helpers/s3-server/s3-inspection.js";
import { S3_SERVER, s3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { describeDriver } from "./driver-suite.js";

describeWith(S3_SERVER, "S3", () => {
  before(async function () {
    // The server is started by whoever comes first.
    this.timeout(120_000);
    await s3Place();
  });

  describeDriver("S3", async () => {
    const place = await s3Place();
    const client = s3Client(place);
    return {
      open: async () => await S3ObjectStore.open(place, { probe: false }),
      leftovers: async () => [...(await objectsAt(client, place)), ...(await unfinishedUploadsAt(client, place))],
      dispose: async () => {
        client.destroy();
        await Promise.resolve();
      },
    };
  });
});
