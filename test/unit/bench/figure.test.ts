import assert from "node:assert/strict";

import { median, quantile, timesBetter, type Figure } from "../../../bench/figure.js";
import { renderFigures } from "../../../bench/report.js";

const time: Figure = { title: "pull", unit: "s", better: "lower", values: { berth: 4, slow: 12, fast: 8 } };

describe("a bench figure", () => {
  it("compares berth with the fastest peer: half of its time is 2", () => {
    assert.equal(timesBetter(time), 2);
  });

  it("compares rates the other way round: a fifth of the best rate is 0.2", () => {
    assert.equal(timesBetter({ ...time, better: "higher", values: { berth: 10, one: 50, other: 20 } }), 0.2);
  });

  it("leaves contenders shown for reference out of the ratio", () => {
    assert.equal(timesBetter({ ...time, reference: ["fast"] }), 3);
  });

  it("compares with the peers that a mark names and no others", () => {
    assert.equal(timesBetter({ ...time, mark: { times: 2, against: ["slow"] } }), 3);
  });

  it("has no ratio when berth, or every peer, was not measured", () => {
    assert.equal(timesBetter({ ...time, values: { berth: undefined, fast: 8 } }), undefined);
    assert.equal(timesBetter({ ...time, values: { berth: 4, fast: undefined } }), undefined);
  });

  it("takes the lower middle as median and the value that 99 of 100 do not exceed as 99th percentile", () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(
      quantile(
        Array.from({ length: 100 }, (_, index) => 100 - index),
        0.99,
      ),
      99,
    );
    assert.throws(() => median([]), /no values/);
  });
});

describe("the bench report", () => {
  it("shows the ratio first, says whether the mark is met, and a dash for who was not measured", () => {
    const figures: Figure[] = [
      { ...time, mark: { times: 2 } },
      { ...time, mark: { times: 2.5 } },
      { ...time, mark: { times: 2 }, values: { berth: undefined, slow: 12, fast: 8 } },
    ];
    const rows = renderFigures("Title", figures)
      .split("\n")
      .slice(3, 6)
      .map((line) => line.trim().split(/\s{2,}/));
    assert.deepEqual(rows, [
      ["2.00x", "2x met", "pull, s", "4.00", "12.0", "8.00"],
      ["2.00x", "2.5x missed", "pull, s", "4.00", "12.0", "8.00"],
      ["-", "2x", "pull, s", "-", "12.0", "8.00"],
    ]);
  });
});
