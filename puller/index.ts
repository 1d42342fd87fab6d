/**
 * The local store. Kept apart from pulling and pushing (puller/pull, puller/push), whose HTTP client takes long to load:
 * this file is on the path of `berth run`.
 */
export { commitLayer, type CommitOptions } from "./build/commit-layer.js";
export { imageHistory, type HistoryLine } from "./image-history.js";
export { inspectImage, type ImageInspection } from "./inspect-image.js";
export { openLocalStore } from "./store/local-store.js";
export type {
  ContentStore,
  Hold,
  Image,
  ImageStore,
  ImageUser,
  LayerRecord,
  LayerStore,
  LocalStore,
  OverlayDirectories,
  OverlayPaths,
  Removal,
  RemoveOptions,
} from "./store/local-store-contract.js";
