import type { Descriptor } from "../../oci/manifest.js";
import type { Digest } from "../../oci/digest.js";

/** Where an image to be installed comes from: a registry or an archive. */
export interface ImageProvider {
  /** The manifest or index to begin with. */
  root(): Promise<ProvidedManifest>;
  /** A manifest named by an index, verified. */
  manifest(descriptor: Descriptor): Promise<ProvidedManifest>;
  /** A config, verified. */
  config(descriptor: Descriptor): Promise<Uint8Array>;
  /** Sends a layer's bytes in order; the taker verifies them. */
  pour(layer: Descriptor, write: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
  /**
   * The bytes that pour() gave were not the layer's.
   * @returns whether others may be had by pouring again; absent when there is one source only
   */
  blame?(layer: Descriptor): boolean;
  /** Familiar repository name for the memory of where a blob can be mounted from. */
  readonly repository?: string;
}

export interface ProvidedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
}
