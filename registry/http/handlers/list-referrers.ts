import { MediaType } from "../../../oci/media-types.js";
import type { Registry } from "../../registry.js";
import { digestIn, queryOf, repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** distribution-spec, "Listing Referrers": an image index, empty when there are none, even for an unknown repository. */
export function listReferrers({ referrers }: Registry): Handler {
  return async (ctx) => {
    const all = await referrers.list(repositoryOf(ctx), digestIn(ctx));
    const artifactType = queryOf(ctx, "artifactType");
    const manifests = artifactType ? all.filter((descriptor) => descriptor.artifactType === artifactType) : all;
    // "If filtering is requested and applied, the response MUST include a header".
    if (artifactType) ctx.set("OCI-Filters-Applied", "artifactType");
    sendJson(ctx, { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }, MediaType.ociIndex);
  };
}
