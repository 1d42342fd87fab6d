/** The wire client: what the puller and the registry's mirrors talk to registries with. */
export type { ClientCertificate, ClientOptions, Credentials } from "./client-options.js";
export { RegistryClient, type FetchedManifest } from "./registry-client.js";
export { printable } from "./response-error.js";
