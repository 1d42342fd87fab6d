import { BerthError } from "../../oci/errors.js";
import { MediaType } from "../../oci/media-types.js";
import { announce } from "../events/announce.js";
import type { EventFeed } from "../events/event-feed.js";
import { blobRanges, describeBlob, sendBlob } from "../http/blob-answer.js";
import { contentRange } from "../http/byte-range.js";
import { pageOf } from "../http/pagination.js";
import { digestIn, queryOf, referenceOf, repositoryOf } from "../http/path-parameters.js";
import type { Handler, RegistryRequest } from "../http/request.js";
import { sendJson } from "../http/send-json.js";
import type { BlobMirror } from "./blob-mirror.js";
import type { GrowingBlob } from "./growing-blob.js";
import type { ListingMirror } from "./listing-mirror.js";
import type { ManifestMirror } from "./manifest-mirror.js";
import type { CopyKind, CopyResult } from "./mirror-counts.js";
import type { MirroredName } from "./mirror-names.js";
import type { PullLedger } from "./pull-ledger.js";
import { isNotThere } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

export interface AnswerParts {
  readonly manifests: ManifestMirror;
  readonly blobs: BlobMirror;
  readonly listings: ListingMirror;
  readonly ledger: PullLedger;
  readonly events: EventFeed;
}

/** Answers an operation on a mirrored repository. `own` answers from the store. */
type Answer = (ctx: RegistryRequest, name: MirroredName<Upstream>, own: Handler) => Promise<void>;

/** By the names of operations. */
export function mirroredAnswers(parts: AnswerParts): ReadonlyMap<string, Answer> {
  const { manifests, blobs, listings, ledger, events } = parts;

  const manifest: Answer = async (ctx, name, own) => {
    const reference = referenceOf(ctx);
    await counting(name, "manifest", async (found) => {
      if ("digest" in reference) {
        const wasHere = await manifests.ensureDigest(name, reference.digest);
        ledger.note(name.stored, reference.digest);
        found(wasHere ? "hit" : "miss");
      } else {
        const { digest, isStale, wasHere } = await manifests.ensureTag(name, reference.tag);
        if (isStale) markStale(ctx);
        ledger.note(name.stored, digest);
        found(isStale ? "stale" : wasHere ? "hit" : "miss");
      }
      await own(ctx);
    });
  };

  const headBlob: Answer = async (ctx, name, own) => {
    const digest = digestIn(ctx);
    if (await blobs.has(name, digest)) {
      await own(ctx);
      return;
    }
    const size = await blobs.size(name, digest);
    describeBlob(ctx, digest);
    ctx.status = 200;
    if (size !== undefined) ctx.set("Content-Length", String(size));
    ctx.respond = false;
    ctx.res.end();
  };

  const getBlob: Answer = async (ctx, name, own) => {
    const digest = digestIn(ctx);
    await counting(name, "blob", async (found) => {
      for (let result: CopyResult = "hit"; ; result = "miss") {
        if (await blobs.has(name, digest)) {
          found(result);
          await own(ctx);
          return;
        }
        const isSent = await blobs.receive(name, digest, async (blob) => {
          found("miss");
          await sendGrowing(ctx, blob, events);
        });
        if (isSent) return;
      }
    });
  };

  const tags: Answer = async (ctx, name) => {
    const { items, isStale } = await listings.tags(name, queryOf(ctx, "last") !== undefined);
    if (isStale) markStale(ctx);
    const page = pageOf(ctx, items);
    if (page.link !== undefined) ctx.set("Link", page.link);
    sendJson(ctx, { name: repositoryOf(ctx), tags: page.items });
  };

  const referrers: Answer = async (ctx, name) => {
    const { items, isStale } = await listings.referrers(name, digestIn(ctx));
    if (isStale) markStale(ctx);
    const artifactType = queryOf(ctx, "artifactType");
    if (artifactType) ctx.set("OCI-Filters-Applied", "artifactType");
    const wanted = artifactType ? items.filter((item) => item.artifactType === artifactType) : items;
    try {
      sendJson(ctx, { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: wanted }, MediaType.ociIndex);
    } catch (cause) {
      // What can be parsed may be nested deeper than can be written.
      throw new BerthError("UPSTREAM", `${name.upstream.host} did not give the referrers`, { cause });
    }
  };

  return new Map([
    ["getManifest", manifest],
    ["headManifest", manifest],
    ["headBlob", headBlob],
    ["getBlob", getBlob],
    ["listTags", tags],
    ["listReferrers", referrers],
  ]);
}

/** @param work says before it answers what it has found, unless it fails */
async function counting(
  { upstream }: MirroredName<Upstream>,
  kind: CopyKind,
  work: (found: (result: CopyResult) => void) => Promise<void>,
): Promise<void> {
  let isCounted = false;
  const count = (result: CopyResult): void => {
    if (!isCounted) upstream.counts.requests[kind][result]++;
    isCounted = true;
  };
  try {
    await work(count);
  } catch (error) {
    count(isNotThere(error) ? "absent" : "failed");
    throw error;
  }
}

/** @throws BerthError UNSUPPORTED for whatever would change a copy */
export function readOnly({ upstream, repository }: MirroredName<Upstream>): BerthError {
  return new BerthError(
    "UNSUPPORTED",
    `this is a copy of ${upstream.host}/${repository}: push to ${upstream.host}, or here under a name that is not mirrored`,
  );
}

/**
 * The bytes as they arrive. One range is served like that too; of several the whole is sent instead, as RFC 9110 14.2 allows.
 */
async function sendGrowing(ctx: RegistryRequest, blob: GrowingBlob, events: EventFeed): Promise<void> {
  const digest = digestIn(ctx);
  const { size } = blob;
  describeBlob(ctx, digest);
  const spans = size === undefined ? undefined : blobRanges(ctx, digest, size);
  const [span] = spans?.length === 1 ? spans : [];
  ctx.status = span === undefined ? 200 : 206;
  if (span !== undefined && size !== undefined) ctx.set("Content-Range", contentRange(span, size));
  const length = span?.length ?? size;
  if (length !== undefined) ctx.set("Content-Length", String(length));
  if (events.hears("pull")) {
    const target = {
      kind: "blob",
      repository: repositoryOf(ctx),
      digest,
      mediaType: "application/octet-stream",
    } as const;
    void announce(ctx, events, "pull", { ...target, ...(size !== undefined && { size }) });
  }
  await sendBlob(ctx, blob.read(span?.start ?? 0, length));
}

/** RFC 7234, 5.5.1: what is sent was not confirmed by its origin. */
function markStale(ctx: RegistryRequest): void {
  ctx.set("Warning", '110 - "Response is Stale"');
}
