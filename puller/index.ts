/**
 * The local store. Kept apart from pulling and pushing (pull/pull-image.ts, push/push-source.ts), whose HTTP client takes long
 * to load: this file is on the path of `berth run`.
 */
export { commitLayer } from "./build/commit-layer.js";
export { imageHistory, type HistoryLine } from "./image-history.js";
export { inspectImage } from "./inspect-image.js";
export { openLocalStore } from "./store/local-store.js";
export type { Image, LayerRecord, LocalStore, OverlayDirectories } from "./store/local-store-contract.js";
