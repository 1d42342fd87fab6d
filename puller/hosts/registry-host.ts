import type { ClientOptions } from "../client/index.js";

/**
 * `pull`: manifests by digest and blobs, which are verified. `resolve`: trusted with what a tag stands for. `push`: takes
 * what is pushed.
 */
export type Capability = "pull" | "resolve" | "push";

/** A server that may stand for a registry: a mirror, or the registry itself. */
export interface RegistryHost {
  readonly client: ClientOptions;
  readonly capabilities: ReadonlySet<Capability>;
}
