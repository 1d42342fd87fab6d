import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { announce } from "../events/announce.js";
import type { Registry } from "../registry.js";
import type { HeldUpload } from "../uploads/held-upload.js";
import type { RegistryRequest } from "./request.js";

/** What a quota refuses is not kept for later; a commit that has failed has ended the upload itself. */
async function cancelOnError(held: HeldUpload, admit: () => Promise<void>): Promise<void> {
  try {
    await admit();
  } catch (error) {
    if (isBerthError(error, "DENIED")) await held.cancel();
    throw error;
  }
}

/** Commits a received blob within the repository's quota, and ends the upload in any case. @throws BerthError DENIED, DIGEST_INVALID */
export async function commitUpload(
  ctx: RegistryRequest,
  { quotas, events }: Registry,
  repository: string,
  digest: Digest,
  held: HeldUpload,
): Promise<void> {
  const { size } = held.session;
  await cancelOnError(held, async () => {
    await quotas.hold(repository, { kind: "blob", digest, size }, async () => {
      await held.commit(digest);
    });
  });
  await announce(ctx, events, "push", {
    kind: "blob",
    repository,
    digest,
    size,
    mediaType: "application/octet-stream",
  });
}
