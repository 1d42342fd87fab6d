import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { announce } from "../events/announce.js";
import type { Registry } from "../registry.js";
import type { HeldUpload } from "../uploads/held-upload.js";
import type { RegistryRequest } from "./request.js";

/** Commits a received blob within the repository's quota, and ends the upload in any case. @throws BerthError DENIED, DIGEST_INVALID */
export async function commitUpload(
  ctx: RegistryRequest,
  { quotas, events }: Registry,
  repository: string,
  digest: Digest,
  held: HeldUpload,
): Promise<void> {
  const { size } = held.session;
  let hasBegun = false;
  try {
    await quotas.hold(repository, { kind: "blob", digest, size }, async () => {
      hasBegun = true;
      await held.commit(digest);
    });
  } catch (error) {
    // A commit that has failed has ended the upload itself. What a quota refuses is not kept for later; what only was not
    // to be found out is.
    if (!hasBegun) await (isBerthError(error, "DENIED") ? held.cancel() : held.leave());
    throw error;
  }
  await announce(ctx, events, "push", {
    kind: "blob",
    repository,
    digest,
    size,
    mediaType: "application/octet-stream",
  });
}
