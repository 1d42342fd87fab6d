/** The wire client: what the puller and the registry's mirrors talk to registries with. */
export type { ClientLimits, ClientOptions, Credentials } from "./client-options.js";
export { isLoopbackRegistry } from "./registry-endpoint.js";
export { RegistryClient, type BlobUpload, type FetchedManifest } from "./registry-client.js";
export { printable } from "./response-error.js";
export type { ByteSink } from "./transport.js";
