import type { Image, LocalStore } from "./store/local-store-contract.js";

/** One step in the making of an image. */
export interface HistoryLine {
  /** The image's ID on the newest line; `<missing>` on the others, whose images are not on this host. */
  readonly id: string;
  readonly created: string | undefined;
  readonly createdBy: string;
  /** Bytes of regular files; 0 for steps that made no layer. */
  readonly size: number;
  readonly comment: string;
}

/** Newest first. Layers beyond what the config tells the history of are listed, too. */
export function imageHistory(store: LocalStore, image: Image): HistoryLine[] {
  const layers = store.layers.stack(image);
  const steps = [...(image.config.history ?? [])];
  const told = steps.filter((step) => step.empty_layer !== true).length;
  for (let i = told; i < layers.length; i++) steps.push({});
  let next = 0;
  const lines = steps.map((step) => ({
    id: "<missing>",
    created: step.created,
    createdBy: step.created_by ?? "",
    size: step.empty_layer === true ? 0 : (layers[next++]?.size ?? 0),
    comment: step.comment ?? "",
  }));
  lines.reverse();
  return lines.map((line, i) => (i === 0 ? { ...line, id: image.id } : line));
}
