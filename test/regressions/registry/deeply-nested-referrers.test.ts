import { MirrorRig } from "../../integration/registry/mirror/support/mirror-rig.js";

const DEPTH = 200_000;

/** JSON.parse takes any depth, and JSON.stringify does not: the mirror's answer was 500, as if the fault were its own. */
describe("a mirror whose upstream nests its referrers deeply", () => {
  let rig: MirrorRig;

  beforeEach(async () => {
    rig = await MirrorRig.start();
  });

  afterEach(async () => {
    await rig.stop();
  });

  it("says that the upstream did not give them", async () => {
    const item = `{"mediaType":"a/b","digest":"${rig.layer}","size":1,"x":${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}}`;
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.includes("/referrers/")) return false;
      response.end(`{"schemaVersion":2,"manifests":[${item}]}`);
      return true;
    };
    await rig.mirror.expectError(502, "UNAVAILABLE", "GET", `/v2/up/team/app/referrers/${rig.layer}`);
  });
});
