import { BerthError } from "../../oci/errors.js";
import { RegistryClient, type ClientOptions, type Credentials } from "../client/index.js";

/**
 * Shows the credentials to the registry.
 * @returns what to keep: an identity token instead of the password, when the registry gives one
 * @throws BerthError UNAUTHORIZED, DENIED, NETWORK, UPSTREAM, TOO_MANY_REQUESTS, ABORTED
 */
export async function logIn(
  server: ClientOptions,
  credentials: Credentials,
  signal?: AbortSignal,
): Promise<Credentials> {
  // RFC 7617: the colon ends the name.
  if (credentials.username.includes(":")) throw new BerthError("USAGE", "a user name cannot hold a colon");
  const client = new RegistryClient({ ...server, credentials, keepIdentity: true });
  try {
    const identityToken = await client.authenticate(signal);
    return identityToken === undefined ? credentials : { username: credentials.username, password: "", identityToken };
  } catch (error) {
    if (signal?.aborted === true) throw new BerthError("ABORTED", "the login was cancelled", { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}
