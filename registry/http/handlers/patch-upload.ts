import { BerthError } from "../../../oci/errors.js";
import type { Registry } from "../../registry.js";
import type { HeldUpload } from "../../uploads/held-upload.js";
import type { Locations } from "../locations.js";
import { partyOf } from "../party.js";
import { repositoryOf } from "../path-parameters.js";
import { checkLength, receiveInto } from "../receive-upload.js";
import type { Handler, RegistryRequest } from "../request.js";
import { answerUpload, tellingPlace } from "../upload-answers.js";
import { parseUploadRange } from "../upload-range.js";

/**
 * distribution-spec, "Pushing a blob in chunks". Without Content-Range the body is appended (a streamed upload, as docker
 * does it).
 */
export function patchUpload({ uploads, uncommitted, quotas }: Registry, locations: Locations): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    const id = ctx.params["id"] ?? "";
    const gauge = await quotas.gaugeFor(name);
    const owner = { repository: name, client: partyOf(ctx) };
    await uncommitted.refresh(owner);
    await tellingPlace(ctx, locations, { name, id }, async () => {
      const held = await uploads.acquire(name, id);
      await leaveOnError(held, () => {
        checkPlace(ctx, held);
      });
      const before = held.session.size;
      await receiveInto(ctx, held, [gauge, uncommitted.gaugeOf(id, owner, held.session.size)], async () => {
        await leaveChunk(held, held.session.size - before, ctx.get("Content-Range"));
      });
      answerUpload(ctx, locations, { name, id, size: held.session.size }, 202);
    });
  };
}

/**
 * A chunk whose end came, but not where its Content-Range says, is taken back whole: its client is told 400, knows nothing of
 * what arrived, and can only send the chunk again from where it began.
 */
async function leaveChunk(held: HeldUpload, length: number, contentRange: string): Promise<void> {
  const isWhole = contentRange === "" || parseUploadRange(contentRange).length === length;
  if (!isWhole) await held.session.rewind();
  await held.leave();
  if (!isWhole) throw new BerthError("SIZE_INVALID", "the chunk is not as long as its Content-Range says");
}

/** "the first byte of a chunk MUST be the last plus one, else 416": with the place from which to go on. */
export function checkPlace(ctx: RegistryRequest, held: HeldUpload): void {
  const header = ctx.get("Content-Range");
  if (header === "") return;
  const range = parseUploadRange(header);
  checkLength(ctx, range.length);
  const { size } = held.session;
  if (range.start === size) return;
  throw new BerthError("RANGE_INVALID", `the chunk must start at byte ${String(size)}`, {
    details: { size, received: range.start },
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
