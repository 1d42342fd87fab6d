import assert from "node:assert/strict";
import { Writable } from "node:stream";

import { LayerBars, PULL_WORDS } from "../../../../cli/output/layer-bars.js";
import type { Digest } from "../../../../oci/digest.js";
import type { LayerProgress } from "../../../../puller/install/layer-progress.js";

const id = (digit: string): Digest => `sha256:${digit.repeat(64)}`;

class Screen extends Writable {
  text = "";
  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
    readonly rows = 24,
  ) {
    super({ decodeStrings: false });
  }
  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    done();
  }
}

function shown(screen: Screen, ...steps: LayerProgress[]): string {
  const bars = new LayerBars(screen as unknown as NodeJS.WriteStream, PULL_WORDS);
  for (const step of steps) bars.update(step);
  bars.end();
  return screen.text;
}

const half: LayerProgress = { id: id("a"), state: "downloading", current: 500_000, total: 1_000_000 };
const done: LayerProgress = { ...half, state: "complete", current: 1_000_000 };

describe("LayerBars", () => {
  it("writes a plain line for each change of state where there is no terminal", () => {
    const waiting: LayerProgress = { ...half, state: "waiting", current: 0 };
    assert.equal(
      shown(new Screen(false), waiting, half, { ...half, current: 600_000 }, done),
      "aaaaaaaaaaaa: Pulling fs layer\naaaaaaaaaaaa: Pull complete\n",
    );
  });

  it("draws one line a layer on a terminal, with a bar as long as what is there", () => {
    const lines = shown(new Screen(true), half, { ...done, id: id("b") }).split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? "", /aaaaaaaaaaaa: Downloading \[={16}> {16}\] {2}500kB/);
    assert.match(lines[1] ?? "", /bbbbbbbbbbbb: Pull complete$/);
  });

  it("says Extracting when all bytes are there and the layer is not", () => {
    assert.match(shown(new Screen(true), { ...half, current: half.total }), /Extracting/);
  });

  it("keeps to the width and the height of the terminal", () => {
    const many = Array.from("0123456789", (digit): LayerProgress => ({ ...half, id: id(digit) }));
    const lines = shown(new Screen(true, 20, 5), ...many)
      .trimEnd()
      .split("\n");
    assert.equal(lines.length, 4);
    for (const line of lines) assert.ok(line.replace("\u001b[2K", "").length <= 20, line);
  });

  it("draws on a terminal that does not know its size", () => {
    assert.match(shown(new Screen(true, 0, 0), done), /Pull complete/);
  });
});
