import { isDigest, type Digest } from "../../oci/digest.js";
import type { RetentionRule } from "../config/policy-section.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { matchesAny } from "./name-pattern.js";
import type { RepositoryPolicy } from "./policies.js";

export interface TagState {
  readonly tag: string;
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
}

interface Verdict {
  readonly keep: boolean;
  /** For people: a clause that follows "because". */
  readonly reason: string;
}

export interface TagVerdict extends TagState, Verdict {}

export interface ManifestVerdict extends Verdict {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly pushedAt: number;
}

export interface RetentionPlan {
  /** Newest first. */
  readonly tags: readonly TagVerdict[];
  readonly manifests: readonly ManifestVerdict[];
}

export interface RepositoryContent {
  readonly tags: readonly TagState[];
  /** Every manifest that is served. */
  readonly manifests: ReadonlyMap<Digest, ManifestRecord>;
}

const DAY_MS = 24 * 3600_000;
/** How clients tag signatures and the like of a manifest where there is no referrers API (distribution-spec, "Referrers Tag Schema"). */
const ATTACHED = /^(sha256|sha512)-([0-9a-f]{64,128})(?:\.|$)/;

/** What a policy does to what a repository holds. Decides alone from its arguments, so a dry run says what a run does. */
export function planRetention(policy: RepositoryPolicy, content: RepositoryContent, nowMs: number): RetentionPlan {
  const newestFirst = [...content.tags].sort((a, b) => b.pushedAt - a.pushedAt || (a.tag < b.tag ? 1 : -1));
  const { retention } = policy;
  if (retention === undefined) {
    const all = { keep: true, reason: "no retention applies" };
    return { tags: newestFirst.map((tag) => ({ ...tag, ...all })), manifests: [] };
  }
  let counted = 0;
  const tags = newestFirst.map((tag): TagVerdict => {
    const kept = reasonToKeep(tag, policy, content);
    if (kept !== undefined) return { ...tag, keep: true, reason: kept };
    counted++;
    return { ...tag, ...judge(tag, counted, retention, nowMs) };
  });
  return { tags, manifests: planManifests(retention, tags, content.manifests, nowMs) };
}

/** Of tags that do not count towards keepLast. */
function reasonToKeep({ tag }: TagState, policy: RepositoryPolicy, content: RepositoryContent): string | undefined {
  if (matchesAny(policy.immutableTags, tag)) return "it is immutable";
  if (matchesAny(policy.retention?.keepTags ?? [], tag)) return "keepTags names it";
  const [, algorithm = "", hex = ""] = ATTACHED.exec(tag) ?? [];
  const subject = `${algorithm}:${hex}`;
  if (isDigest(subject) && content.manifests.has(subject)) return `it belongs to ${subject}`;
  return undefined;
}

function judge({ pushedAt }: TagState, place: number, rule: RetentionRule, nowMs: number): Verdict {
  const { keepLast, olderThanDays } = rule;
  if (keepLast === undefined && olderThanDays === undefined)
    return { keep: true, reason: "only untagged manifests go" };
  if (place <= (keepLast ?? 0)) return { keep: true, reason: `it is among the last ${String(keepLast)}` };
  if (olderThanDays !== undefined && nowMs - pushedAt <= olderThanDays * DAY_MS) {
    return { keep: true, reason: `it is not older than ${String(olderThanDays)} days` };
  }
  const beyond = keepLast === undefined ? [] : [`it is beyond the last ${String(keepLast)}`];
  const old = olderThanDays === undefined ? [] : [`it is older than ${String(olderThanDays)} days`];
  return { keep: false, reason: [...beyond, ...old].join(" and ") };
}

function planManifests(
  { untaggedOlderThanDays: days }: RetentionRule,
  tags: readonly TagVerdict[],
  manifests: ReadonlyMap<Digest, ManifestRecord>,
  nowMs: number,
): ManifestVerdict[] {
  if (days === undefined) return [];
  const kept = new Map<Digest, string>();
  for (const { digest, tag, keep } of tags) if (keep && !kept.has(digest)) kept.set(digest, `the tag ${tag} names it`);
  for (const [digest, { at }] of manifests) {
    if (!kept.has(digest) && nowMs - at <= days * DAY_MS) kept.set(digest, `it is not older than ${String(days)} days`);
  }
  const referrers = new Map<Digest, Digest[]>();
  for (const [digest, { subject }] of manifests) {
    if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
  }
  // A Map's iteration comes to what is added on the way: children of what is kept stay, and so do its referrers.
  for (const [digest] of kept) {
    for (const part of manifests.get(digest)?.refs ?? []) if (!kept.has(part)) kept.set(part, `${digest} names it`);
    for (const referrer of referrers.get(digest) ?? []) {
      if (!kept.has(referrer)) kept.set(referrer, `it refers to ${digest}`);
    }
  }
  return [...manifests].map(([digest, { mediaType, at: pushedAt }]) => {
    const reason = kept.get(digest);
    const gone = `nothing that stays names it and it is older than ${String(days)} days`;
    return { digest, mediaType, pushedAt, keep: reason !== undefined, reason: reason ?? gone };
  });
}
