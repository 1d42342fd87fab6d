import { randomUUID } from "node:crypto";

import { algorithmOf, parseDigest, type Digest, type DigestAlgorithm } from "../../../oci/digest.js";
import { BerthError, isBerthError } from "../../../oci/errors.js";
import { isRepositoryName } from "../../../oci/reference.js";
import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import type { UploadOwner } from "../../uploads/uncommitted-uploads.js";
import { callerOf } from "../caller.js";
import { commitUpload } from "../commit-upload.js";
import { queriedDigest, queryOf, repositoryOf } from "../path-parameters.js";
import type { Locations } from "../locations.js";
import { partyOf } from "../party.js";
import type { Handler, RegistryRequest } from "../request.js";
import { announcedLength } from "../request-body.js";
import { announceRetry } from "../retry-after.js";
import { receiveInto } from "../receive-upload.js";
import { answerCreated, answerUpload } from "../upload-answers.js";

/**
 * POST /v2/<name>/blobs/uploads/: mounts a blob, takes a whole blob in one request, or begins a session, which is also
 * the answer to a mount that cannot be done.
 */
export function startUpload(registry: Registry, locations: Locations): Handler {
  return async (ctx) => {
    const name = repositoryOf(ctx);
    if (await mountBlob(ctx, registry, locations, name)) return;
    const digest = queriedDigest(ctx);
    const gauge = await registry.quotas.gaugeFor(name, digest);
    gauge(announcedLength(ctx.req) ?? 0);
    const [id, owner] = [randomUUID(), { repository: name, client: partyOf(ctx) }];
    await beginCounting(ctx, registry, id, owner);
    if (digest !== undefined) {
      // distribution-spec, "Single POST".
      const held = registry.uploads.hold(name, algorithmOf(digest), id);
      await receiveInto(ctx, held, [gauge, registry.uncommitted.gaugeOf(id, owner)], async () => {
        await commitUpload(ctx, registry, name, digest, held);
      });
      answerCreated(ctx, locations, name, digest);
      return;
    }
    try {
      await registry.uploads.start(name, algorithmFrom(ctx), id);
      registry.uncommitted.left(id, 0);
    } catch (error) {
      registry.uncommitted.ended(id);
      throw error;
    }
    // distribution-spec, "Pushing a blob in chunks": how small a chunk may be.
    ctx.set("OCI-Chunk-Min-Length", "1");
    answerUpload(ctx, locations, { name, id, size: 0 }, 202);
  };
}

async function beginCounting(
  ctx: RegistryRequest,
  { uncommitted }: Registry,
  id: string,
  owner: UploadOwner,
): Promise<void> {
  try {
    await uncommitted.begin(id, owner);
  } catch (error) {
    announceRetry(ctx, error);
    throw error;
  }
}

/**
 * distribution-spec, "Mounting a blob from another repository": 201 when done, else 202 as if no mount was asked for, so that
 * the client uploads. Without `from` any repository will do that the caller may pull. What the caller may not pull answers as
 * if it were not there.
 */
async function mountBlob(
  ctx: RegistryRequest,
  registry: Registry,
  locations: Locations,
  name: string,
): Promise<boolean> {
  const mount = queryOf(ctx, "mount");
  if (mount === undefined) return false;
  const digest = parseDigest(mount);
  const from = queryOf(ctx, "from");
  const caller = callerOf(ctx);
  if (from !== undefined && !(isRepositoryName(from) && caller.mayPull(from))) return false;
  const sources = from === undefined ? caller.sources : [from];
  const found = await mountFrom(registry, name, digest, sources);
  if (found === undefined) return false;
  const target = { kind: "blob", repository: name, digest, mediaType: "application/octet-stream", ...found } as const;
  await announce(ctx, registry.events, "mount", target);
  answerCreated(ctx, locations, name, digest);
  return true;
}

/**
 * Where the blob was found; undefined when it was not.
 * @param sources undefined for any repository
 */
async function mountFrom(
  { blobs, quotas }: Registry,
  name: string,
  digest: Digest,
  sources: readonly string[] | undefined,
): Promise<{ readonly fromRepository?: string; readonly size?: number } | undefined> {
  const isLimited = quotas.limitsBytesOf(name);
  // Without a source its size is not known in time: the client uploads.
  if (sources === undefined) return !isLimited && (await blobs.mount(name, digest)) ? {} : undefined;
  for (const fromRepository of sources) {
    const size = await sizeIn(blobs, fromRepository, digest);
    if (size === undefined) continue;
    const mount = async (): Promise<boolean> => await blobs.mount(name, digest, fromRepository);
    const mounted = isLimited ? await quotas.hold(name, { kind: "blob", digest, size }, mount) : await mount();
    if (mounted) return { fromRepository, size };
  }
  return undefined;
}

async function sizeIn(blobs: Registry["blobs"], repository: string, digest: Digest): Promise<number | undefined> {
  try {
    return await blobs.size(repository, digest);
  } catch (error) {
    if (isBerthError(error, "BLOB_UNKNOWN")) return undefined;
    throw error;
  }
}

/** `digest-algorithm`: a hint of distribution-spec's later drafts, with which a sha512 upload need not be read again. */
function algorithmFrom(ctx: RegistryRequest): DigestAlgorithm {
  const text = queryOf(ctx, "digest-algorithm") ?? "sha256";
  if (text === "sha256" || text === "sha512") return text;
  throw new BerthError("DIGEST_INVALID", "digests are sha256 or sha512", {
    details: { algorithm: text.slice(0, 100) },
  });
}
