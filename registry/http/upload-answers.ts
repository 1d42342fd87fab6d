import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { Locations } from "./locations.js";
import type { RegistryRequest } from "./request.js";
import { sendEmpty } from "./send-json.js";
import { uploadedRange } from "./upload-range.js";

/** distribution-spec, "Pushing blobs": 201 with the blob's Location once it can be pulled. */
export function answerCreated(ctx: RegistryRequest, locations: Locations, name: string, digest: Digest): void {
  ctx.set("Location", locations.blob(ctx, name, digest));
  ctx.set("Docker-Content-Digest", digest);
  sendEmpty(ctx, 201);
}

/** distribution-spec, "Pushing a blob in chunks": where the upload stands and where it goes on. */
export function answerUpload(
  ctx: RegistryRequest,
  locations: Locations,
  upload: { readonly name: string; readonly id: string; readonly size: number },
  status: 202 | 204,
): void {
  describeUpload(ctx, locations, upload);
  sendEmpty(ctx, status);
}

/** A 416 for an upload says where it stands, so that the client can find its place again. */
export async function tellingPlace(
  ctx: RegistryRequest,
  locations: Locations,
  upload: { readonly name: string; readonly id: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const size = isBerthError(error, "RANGE_INVALID") ? error.details["size"] : undefined;
    if (typeof size === "number") describeUpload(ctx, locations, { ...upload, size });
    throw error;
  }
}

function describeUpload(
  ctx: RegistryRequest,
  locations: Locations,
  { name, id, size }: { readonly name: string; readonly id: string; readonly size: number },
): void {
  ctx.set("Location", locations.upload(ctx, name, id));
  ctx.set("Range", uploadedRange(size));
  ctx.set("Docker-Upload-UUID", id);
}
