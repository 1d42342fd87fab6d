import assert from "node:assert/strict";

import { columnTable } from "../../../../cli/output/column-table.js";
import { humanDuration, humanSize, timeAgo } from "../../../../cli/output/human-units.js";

describe("humanSize", () => {
  it("is docker's: decimal units and a few significant digits", () => {
    assert.deepEqual(
      [0, 999, 1000, 116_789_012].map((bytes) => humanSize(bytes, 3)),
      ["0B", "999B", "1kB", "117MB"],
    );
    assert.equal(humanSize(1_013_456_789), "1.013GB");
  });
});

describe("humanDuration", () => {
  it("is docker's words", () => {
    const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
    const cases: [number, string][] = [
      [500, "Less than a second"],
      [1000, "1 second"],
      [59_000, "59 seconds"],
      [minute, "About a minute"],
      [5 * minute, "5 minutes"],
      [hour, "About an hour"],
      [30 * hour, "30 hours"],
      [5 * day, "5 days"],
      [20 * day, "2 weeks"],
      [90 * day, "3 months"],
      [800 * day, "2 years"],
    ];
    for (const [milliseconds, words] of cases) assert.equal(humanDuration(milliseconds), words);
  });

  it("is N/A for an image without a time", () => {
    assert.equal(timeAgo(undefined), "N/A");
    assert.equal(timeAgo("2024-01-01T00:00:00Z", Date.parse("2024-01-01T00:05:00Z")), "5 minutes ago");
  });
});

describe("columnTable", () => {
  it("pads all columns but the last to the longest cell and three more", () => {
    assert.equal(columnTable(["A", "B"], [["long", "x"]]), "A         B\nlong      x\n");
  });
});
