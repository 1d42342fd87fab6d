import { BerthError } from "../../../oci/errors.js";
import { announce } from "../../events/announce.js";
import type { Registry } from "../../registry.js";
import { receiveManifest } from "../../storage/manifest-record.js";
import type { Locations } from "../locations.js";
import { checkTag, newReferenceOf, queriesOf, repositoryOf } from "../path-parameters.js";
import { readBody } from "../request-body.js";
import type { Handler, RegistryRequest } from "../request.js";
import { sendEmpty } from "../send-json.js";

/** distribution-spec, "Pushing Manifests". */
export function putManifest(
  { manifests, immutableTags, quotas, events, limits }: Registry,
  locations: Locations,
): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const reference = newReferenceOf(ctx);
    // Later drafts: a manifest put by digest may name the tags that it is to have, answered by OCI-Tag headers.
    const asked = "digest" in reference ? tagsAsked(ctx) : [reference.tag];
    const bytes = await readBody(ctx, limits.manifestBytes);
    const contentType = ctx.get("Content-Type").split(";")[0]?.trim().toLowerCase();
    const expected = "digest" in reference ? reference.digest : undefined;
    const received = receiveManifest(bytes, contentType === "" ? undefined : contentType, expected);
    for (const tag of asked) await immutableTags.assertMayName(repository, tag, received.digest);
    const tagIt = async (): Promise<void> => {
      for (const tag of asked) {
        await quotas.hold(repository, { kind: "tag", tag }, async () => {
          await immutableTags.put(repository, tag, received.digest);
        });
      }
    };
    const sparse = limits.sparseManifests;
    await (asked.length > 0
      ? manifests.putTagged(repository, received, tagIt, { sparse })
      : manifests.put(repository, received, { sparse }));
    const { digest, mediaType } = received;
    for (const tag of asked.length > 0 ? asked : [undefined]) {
      const target = { kind: "manifest", repository, digest, mediaType, size: bytes.length } as const;
      await announce(ctx, events, "push", { ...target, ...(tag !== undefined && { tag }) });
    }
    ctx.set("Location", locations.manifest(ctx, repository, received.digest));
    ctx.set("Docker-Content-Digest", received.digest);
    // "a registry that supports referrers MUST answer with OCI-Subject": the client then needs no fallback tag.
    if (received.subject) ctx.set("OCI-Subject", received.subject);
    if ("digest" in reference && asked.length > 0) ctx.set("OCI-Tag", asked);
    sendEmpty(ctx, 201);
  };
}

/** "SHOULD support pushing at least 10 tags per request"; each is written durably before the answer. */
const MAX_TAGS = 100;

/** @throws BerthError TAG_INVALID */
function tagsAsked(ctx: RegistryRequest): string[] {
  const tags = [...new Set(queriesOf(ctx, "tag").map(checkTag))];
  if (tags.length <= MAX_TAGS) return tags;
  throw new BerthError("TAG_INVALID", `a request gives at most ${String(MAX_TAGS)} tags`, {
    details: { tags: tags.length },
  });
}
