import { BerthError } from "../../../oci/errors.js";
import type { Registry } from "../../registry.js";
import type { HeldUpload } from "../../uploads/upload-registry.js";
import type { Locations } from "../locations.js";
import { repositoryOf } from "../path-parameters.js";
import { checkLength, receiveInto } from "../receive-upload.js";
import type { Handler, RegistryRequest } from "../request.js";
import { answerUpload, describeUpload } from "../upload-answers.js";
import { parseUploadRange } from "../upload-range.js";

/**
 * distribution-spec, "Pushing a blob in chunks". Without Content-Range the body is appended (a streamed upload, as docker
 * does it).
 */
export function patchUpload({ uploads }: Registry, locations: Locations): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const id = ctx.params["id"] ?? "";
    const held = await uploads.acquire(name, id);
    const { session } = held;
    await leaveOnError(held, () => {
      checkPlace(ctx, locations, name, held);
    });
    const before = session.size;
    const range = ctx.get("Content-Range");
    await receiveInto(ctx, held, async () => {
      await held.leave();
    });
    if (range !== "" && session.size - before !== parseUploadRange(range).length) {
      throw new BerthError("SIZE_INVALID", "the chunk is not as long as its Content-Range says");
    }
    answerUpload(ctx, locations, { name, id, size: session.size }, 202);
  };
}

/** "the first byte of a chunk MUST be the last plus one, else 416": with the place from which to go on. */
export function checkPlace(ctx: RegistryRequest, locations: Locations, name: string, held: HeldUpload): void {
  const header = ctx.get("Content-Range");
  if (header === "") return;
  const range = parseUploadRange(header);
  checkLength(ctx, range.length);
  const { size } = held.session;
  if (range.start === size) return;
  describeUpload(ctx, locations, { name, id: held.id, size });
  throw new BerthError("RANGE_INVALID", `the chunk must start at byte ${String(size)}`, {
    details: { expected: size, received: range.start },
  });
}

export async function leaveOnError(held: HeldUpload, check: () => void): Promise<void> {
  try {
    check();
  } catch (error) {
    await held.leave();
    throw error;
  }
}
