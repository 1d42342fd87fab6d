import { S3ObjectStore } from "../../../storage/s3/s3-object-store.js";
import { objectsAt, s3Client, unfinishedUploadsAt } from "../../helpers/s3-server/s3-inspection.js";
import { s3Place } from "../../helpers/s3-server/shared-s3-server.js";
import type { DriverUnderTest } from "./driver-suite.js";

/** The S3 driver at a place of its own. @param endpoint of a proxy before the server, which `leftovers` does not ask */
export async function s3Driver(endpoint?: string): Promise<DriverUnderTest> {
  const place = await s3Place();
  const client = s3Client(place);
  const settings = { ...place, ...(endpoint !== undefined && { endpoint }) };
  return {
    open: async () => await S3ObjectStore.open(settings, { probe: false }),
    leftovers: async () => [...(await objectsAt(client, place)), ...(await unfinishedUploadsAt(client, place))],
    dispose: async () => {
      client.destroy();
      await Promise.resolve();
    },
  };
}
