import type { LayerProgress } from "../../puller/install/layer-progress.js";
import { humanSize } from "./human-units.js";

/** What each state of a layer is called. */
export interface LayerWords {
  readonly waiting: string;
  readonly exists: string;
  readonly moving: string;
  /** All bytes are through, the work is not. */
  readonly finishing: string;
  readonly complete: string;
}

export const PULL_WORDS: LayerWords = {
  waiting: "Pulling fs layer",
  exists: "Already exists",
  moving: "Downloading",
  finishing: "Extracting",
  complete: "Pull complete",
};

export const PUSH_WORDS: LayerWords = {
  waiting: "Preparing",
  exists: "Layer already exists",
  moving: "Pushing",
  finishing: "Pushing",
  complete: "Pushed",
};

const REDRAW_MS = 100;
const BAR_WIDTH = 50;
// `0123456789ab: Downloading [>]  123.4MB/567.8MB` without the bar's own columns.
const BESIDE_BAR = 48;
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** One line a layer: redrawn in place on a terminal, one line for each change of state elsewhere. */
export class LayerBars {
  readonly #out: NodeJS.WriteStream;
  readonly #words: LayerWords;
  readonly #layers = new Map<string, LayerProgress>();
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WriteStream, words: LayerWords) {
    this.#out = out;
    this.#words = words;
  }

  update(progress: LayerProgress): void {
    const before = this.#layers.get(progress.id);
    this.#layers.set(progress.id, progress);
    if (!this.#out.isTTY) {
      if (before?.state !== progress.state && progress.state !== "downloading") this.#out.write(this.#line(progress));
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#draw();
    }, REDRAW_MS);
  }

  /** Draws the last state; afterwards other lines may follow. */
  end(): void {
    if (this.#timer !== undefined) this.#draw();
    this.#drawn = 0;
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { rows, columns } = this.#out;
    // What has scrolled off the screen cannot be redrawn. A terminal that does not know its size says 0.
    const lines = [...this.#layers.values()].slice(-Math.max(1, (rows || DEFAULT_ROWS) - 1));
    const up = this.#drawn === 0 ? "" : `\u001b[${String(this.#drawn)}A`;
    this.#drawn = lines.length;
    const text = lines.map(
      (layer) =>
        `\u001b[2K${this.#line(layer)
          .trimEnd()
          .slice(0, columns || DEFAULT_COLUMNS)}\n`,
    );
    this.#out.write(up + text.join(""));
  }

  #line(layer: LayerProgress): string {
    return `${layer.id.slice(7, 19)}: ${this.#status(layer)}\n`;
  }

  #status({ state, current, total, from }: LayerProgress): string {
    const words = this.#words;
    if (state === "mounted") return `Mounted from ${from ?? ""}`;
    if (state !== "downloading") return words[state];
    if (current >= total) return words.finishing;
    const width = Math.max(0, Math.min(BAR_WIDTH, (this.#out.columns || DEFAULT_COLUMNS) - BESIDE_BAR));
    const filled = Math.floor((current / total) * width);
    const bar = `${"=".repeat(filled)}>`.padEnd(width + 1);
    return `${words.moving} [${bar}]  ${humanSize(current, 4)}/${humanSize(total, 4)}`;
  }
}
