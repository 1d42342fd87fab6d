import assert from "node:assert/strict";

import { parseDuration } from "../../../cli/duration.js";

describe("duration", () => {
  it("is a number of seconds, minutes, hours and days", () => {
    const durations = ["0", "0s", "90s", "30m", "1h30m", "24h", "7d"].map((text) => parseDuration(text, "--grace"));
    assert.deepEqual(durations, [0, 0, 90_000, 1_800_000, 5_400_000, 86_400_000, 604_800_000]);
  });

  it("is nothing else", () => {
    for (const text of ["", "5", "5x", "h", "-1h", "1.5h", "1h ", "1h30", "99999d", "999999999999s"]) {
      assert.throws(() => parseDuration(text, "--grace"), { code: "USAGE" }, text);
    }
  });
});
