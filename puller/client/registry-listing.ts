import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseDescriptor, type Descriptor } from "../../oci/manifest.js";
import { isTag } from "../../oci/reference.js";
import type { RegistrySession } from "./registry-session.js";
import { headerOf, type Answer } from "./response-error.js";

const MAX_PAGE = 8 * 1024 * 1024;
const MAX_PAGES = 500;
const MAX_ITEMS = 500_000;

/** distribution-spec, "Listing Tags", all pages. @throws BerthError NAME_UNKNOWN, UPSTREAM for what is no list of tags */
export async function listTags(
  session: RegistrySession,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const what = `tags of ${session.registry}/${repository}`;
  return await allPages(session, `/v2/${repository}/tags/list`, { repository, what, signal }, (json) => {
    // Old registries say null for none.
    const tags = json["tags"] ?? [];
    if (Array.isArray(tags) && tags.every((tag): tag is string => typeof tag === "string" && isTag(tag))) return tags;
    throw unusable(what);
  });
}

/** distribution-spec, "Listing Referrers", all pages and types. @throws BerthError NAME_UNKNOWN (also where there is no such endpoint), UPSTREAM */
export async function listReferrers(
  session: RegistrySession,
  repository: string,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  const what = `referrers of ${session.registry}/${repository}@${subject}`;
  return await allPages(session, `/v2/${repository}/referrers/${subject}`, { repository, what, signal }, (json) => {
    const list = json["manifests"];
    if (!Array.isArray(list)) throw unusable(what);
    return list.map((item: unknown, i) => {
      try {
        return parseDescriptor(item, `manifests[${String(i)}]`);
      } catch (cause) {
        throw unusable(what, cause);
      }
    });
  });
}

async function allPages<T>(
  session: RegistrySession,
  path: string,
  about: { readonly repository: string; readonly what: string; readonly signal: AbortSignal | undefined },
  itemsOf: (json: Record<string, unknown>) => T[],
): Promise<T[]> {
  const { repository, what, signal } = about;
  const items: T[] = [];
  let target: string | URL | undefined = path;
  for (let page = 0; target !== undefined; page++) {
    const answer: Answer = await session.call({
      method: "GET",
      target,
      scope: `repository:${repository}:pull`,
      accept: [200],
      what,
      missing: "NAME_UNKNOWN",
      maxAnswer: MAX_PAGE,
      signal,
    });
    for (const item of itemsOf(objectIn(answer.body, what))) items.push(item);
    if (page === MAX_PAGES || items.length > MAX_ITEMS)
      throw new BerthError("TOO_LARGE", `${what}: there are too many`);
    target = nextOf(answer, await session.origin(signal), what);
  }
  return items;
}

function objectIn(body: Uint8Array, what: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof json === "object" && json !== null) return json as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw unusable(what);
}

/** Link: <...>; rel="next" (RFC 8288), which must not lead elsewhere. */
function nextOf({ headers }: Answer, origin: string, what: string): URL | undefined {
  const link = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(headerOf(headers, "link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const url = URL.parse(link, `${origin}/`);
  if (url?.origin === origin) return url;
  throw unusable(what);
}

function unusable(what: string, cause?: unknown): BerthError {
  return new BerthError("UPSTREAM", `${what}: the registry's answer is no such list`, { cause });
}
