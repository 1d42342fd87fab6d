import assert from "node:assert/strict";

import { MirrorRig } from "../../integration/registry/mirror/support/mirror-rig.js";

const TAGS = ["v1", "v2", "v3", "v4", "v5"];

/** Each page of a mirrored list of tags cost all pages of the upstream's, for which Docker Hub refuses a mirror soon. */
describe("pages of the tags of a mirrored repository", () => {
  let rig: MirrorRig;

  beforeEach(async () => {
    rig = await MirrorRig.start();
    rig.upstream.script = ({ url = "" }, response) => {
      if (!url.includes("/tags/list")) return false;
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ name: "team/app", tags: TAGS }));
      return true;
    };
  });

  afterEach(async () => {
    await rig.stop();
  });

  it("ask the upstream once", async () => {
    const seen: string[] = [];
    for (let page: string | undefined = "/v2/up/team/app/tags/list?n=2"; page !== undefined;) {
      const answer = await rig.mirror.expect(200, "GET", page);
      seen.push(...((await answer.json()) as { tags: string[] }).tags);
      page = /<([^>]+)>/.exec(answer.headers.get("Link") ?? "")?.[1];
    }
    assert.deepEqual([seen, rig.count("GET", "/tags/list")], [TAGS, 1]);
    await rig.mirror.expect(200, "GET", "/v2/up/team/app/tags/list?n=2");
    assert.equal(rig.count("GET", "/tags/list"), 2);
  });
});
