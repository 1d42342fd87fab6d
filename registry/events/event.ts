import type { Digest } from "../../oci/digest.js";

export type EventAction = "push" | "pull" | "delete" | "mount";

/** What something was done to. */
export interface EventTarget {
  readonly kind: "manifest" | "blob";
  readonly repository: string;
  /** Absent when a tag was deleted without its manifest. */
  readonly digest?: Digest;
  readonly tag?: string;
  readonly mediaType?: string;
  /** Bytes. */
  readonly size?: number;
  /** Of a mount: where the blob was found. */
  readonly fromRepository?: string;
}

/** Something that a client of the registry did, and that was done when the event is told. */
export interface RegistryEvent {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly action: EventAction;
  readonly target: EventTarget;
  /** The user, when it is known. */
  readonly actor?: string;
  readonly request: {
    readonly id: string;
    /** IP address of the client. */
    readonly address: string;
    readonly host: string;
    readonly method: string;
    readonly userAgent: string;
  };
}
