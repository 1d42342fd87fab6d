/**
 * damaged: bytes that do not have their digest. missing: bytes that are not there. unreadable: the store failed, which may pass.
 * incomplete: a manifest names what its repository cannot serve. dangling: a tag names a manifest that is not there. dead-link:
 * a repository was given a blob that is not there.
 */
export type FindingKind = "damaged" | "missing" | "unreadable" | "incomplete" | "dangling" | "dead-link";

export interface ScrubFinding {
  readonly kind: FindingKind;
  /** A blob's digest, or `repository@digest`, or `repository:tag`. */
  readonly what: string;
  /** One line: what was seen. */
  readonly why: string;
  /** It is no longer served, so that the next client that pushes it makes it whole. */
  readonly quarantined: boolean;
  /** Nothing was lost: what is missing was deleted, and something that led to it is left. */
  readonly harmless: boolean;
}

export interface ScrubSummary {
  blobs: number;
  manifests: number;
  tags: number;
  links: number;
  /** Read and held against a digest. */
  bytes: number;
  findings: number;
  /** Findings that are not harmless. */
  damage: number;
  /** Repositories that were given back a blob which somebody has pushed again. */
  repaired: number;
  /** Whether the scrub came to its end. */
  complete: boolean;
}

/** What is left out is false. */
export type Report = (
  finding: Pick<ScrubFinding, "kind" | "what" | "why"> & Partial<Pick<ScrubFinding, "quarantined" | "harmless">>,
) => void;
