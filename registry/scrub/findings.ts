/**
 * damaged: bytes that do not have their digest. missing: bytes that are not there. unreadable: the store failed, which may pass.
 * incomplete: a manifest names what its repository cannot serve. dangling: a tag names nothing. dead-link: a repository was
 * given a blob that has gone since; the collector removes it.
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
}

export interface ScrubSummary {
  blobs: number;
  manifests: number;
  tags: number;
  links: number;
  /** Read and held against a digest. */
  bytes: number;
  findings: number;
  /** Repositories that were given back a blob which somebody has pushed again. */
  repaired: number;
  /** Whether the scrub came to its end. */
  complete: boolean;
}

export type Report = (finding: ScrubFinding) => void;
