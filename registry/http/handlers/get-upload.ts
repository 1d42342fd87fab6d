import type { Registry } from "../../registry.js";
import type { Locations } from "../locations.js";
import { repositoryOf } from "../path-parameters.js";
import type { Handler } from "../request.js";
import { answerUpload } from "../upload-answers.js";

/** distribution-spec, "Pushing a blob in chunks": GET <location> answers 204 and how far the upload is. */
export function getUpload({ uploads }: Registry, locations: Locations): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const id = ctx.params["id"] ?? "";
    const size = await uploads.size(name, id);
    answerUpload(ctx, locations, { name, id, size }, 204);
  };
}
