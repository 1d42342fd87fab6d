import { parseDigest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import type { Registry } from "../../registry.js";
import { digestIn, queryOf, storedNameOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { sendJson } from "../send-json.js";

/** distribution-spec, "Listing Referrers": an image index, empty when there are none, even for an unknown repository. */
export function listReferrers({ referrers }: Registry): Handler {
  return async (ctx) => {
    const artifactType = queryOf(ctx, "artifactType");
    const last = queryOf(ctx, "last");
    const { referrers: manifests, next } = await referrers.page(storedNameOf(ctx), digestIn(ctx), {
      ...(artifactType && { artifactType }),
      ...(last !== undefined && { after: parseDigest(last) }),
    });
    // "If filtering is requested and applied, the response MUST include a header".
    if (artifactType) ctx.set("OCI-Filters-Applied", "artifactType");
    // "A Link header MUST be included in the response when the descriptor list cannot be returned in a single manifest."
    if (next !== undefined) {
      const query = new URLSearchParams({ ...(artifactType && { artifactType }), last: next });
      ctx.set("Link", `<${ctx.path}?${query.toString()}>; rel="next"`);
    }
    sendJson(ctx, { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }, MediaType.ociIndex);
  };
}
