import { describeWith } from "../../../helpers/capabilities.js";
import { S3_SERVER, s3Server } from "../../../helpers/s3-server/shared-s3-server.js";
import { s3Driver } from "../../storage/s3-driver.js";
import { describeRacesAcrossReplicas } from "./race-suite.js";
import { describeUploadsAcrossReplicas } from "./upload-suite.js";

describeWith(S3_SERVER, "replicas on one bucket", () => {
  before(async () => {
    await s3Server();
  });

  describeUploadsAcrossReplicas("S3", async () => await s3Driver());
  describeRacesAcrossReplicas("S3", async () => await s3Driver());
});
