import { describeWith } from "../../helpers/capabilities.js";
import { S3Proxy, type Fault } from "../../helpers/s3-server/s3-proxy.js";
import { S3_SERVER, s3Server } from "../../helpers/s3-server/shared-s3-server.js";
import { describeDriver } from "./driver-suite.js";
import { s3Driver } from "./s3-driver.js";

/** One request in so many fails, each time in the next of these ways. */
const FAULT_EVERY = 31;
const FAULTS: readonly Fault[] = [
  { kind: "answer", status: 500, code: "InternalError" },
  { kind: "lose-answer" },
  { kind: "reset", afterBytes: 1 },
  { kind: "answer", status: 503, code: "SlowDown" },
  { kind: "cut-answer", afterBytes: 1 },
  { kind: "delay", ms: 30 },
];

describeWith(S3_SERVER, "S3", () => {
  before(async () => {
    await s3Server();
  });

  describeDriver("S3", async () => await s3Driver());

  describe("through a network and a server that fail", () => {
    let proxy: S3Proxy;

    before(async () => {
      proxy = await S3Proxy.start((await s3Server()).endpoint);
      let requests = 0;
      proxy.faultFor = () =>
        ++requests % FAULT_EVERY === 0 ? FAULTS[(requests / FAULT_EVERY) % FAULTS.length] : undefined;
    });

    after(async () => {
      await proxy.stop();
    });

    describeDriver("S3 with faults", async () => await s3Driver(proxy.endpoint));
  });
});
