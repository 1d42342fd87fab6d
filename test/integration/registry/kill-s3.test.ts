import process from "node:process";

import { openStore } from "../../../storage/open-store.js";
import { describeWith } from "../../helpers/capabilities.js";
import { RegistryProcess } from "../../helpers/registry-process/registry-process.js";
import { S3_SERVER, s3Place } from "../../helpers/s3-server/shared-s3-server.js";
import { killAgainAndAgain } from "./kill-suite.js";

/** A start opens the bucket and tries what it keeps, which takes a second. */
const ROUNDS = Number(process.env["S3_KILL_ROUNDS"] ?? 5);

describeWith(S3_SERVER, "registry process on S3", () => {
  it(`has every acknowledged push whole after ${String(ROUNDS)} kill -9`, async function () {
    this.timeout(300_000 + ROUNDS * 60_000);
    const storage = { s3: await s3Place() };
    await killAgainAndAgain(
      async () => await RegistryProcess.start({ storage }),
      ROUNDS,
      async () => await openStore(storage),
    );
  });
});
