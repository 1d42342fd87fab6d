import type { UncommittedUploads } from "../uploads/uncommitted-uploads.js";
import { singleValue, type MetricFamily } from "./metric-family.js";

export function uploadFamilies(uploads: UncommittedUploads): readonly MetricFamily[] {
  return [
    singleValue(
      "gauge",
      "berth_registry_uploads_receiving",
      "Uploads of which a request is being received.",
      () => uploads.receiving,
    ),
    singleValue(
      "gauge",
      "berth_registry_uploads_uncommitted",
      "Uploads that were begun or gone on with here and not committed.",
      () => uploads.count,
    ),
    singleValue(
      "gauge",
      "berth_registry_uploads_uncommitted_bytes",
      "Bytes of uploads that were not committed.",
      () => uploads.bytes,
    ),
  ];
}
