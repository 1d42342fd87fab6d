import { BerthError } from "../../oci/errors.js";
import { RegistryClient, type ClientOptions, type Credentials } from "../client/index.js";

/**
 * Shows the credentials to the registry. No identity token is asked for: `podman login` and `skopeo login` refuse to work with a file
 * in which one stands ("currently logged in, auth file contains an Identity token").
 * @throws BerthError UNAUTHORIZED, DENIED, NETWORK, UPSTREAM, TOO_MANY_REQUESTS, ABORTED
 */
export async function logIn(server: ClientOptions, credentials: Credentials, signal?: AbortSignal): Promise<void> {
  // RFC 7617: the colon ends the name.
  if (credentials.username.includes(":")) throw new BerthError("USAGE", "a user name cannot hold a colon");
  const client = new RegistryClient({ ...server, credentials });
  try {
    await client.authenticate(signal);
  } catch (error) {
    if (signal?.aborted === true) throw new BerthError("ABORTED", "the login was cancelled", { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}
