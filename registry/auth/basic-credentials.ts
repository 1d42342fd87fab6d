export interface PasswordCredentials {
  readonly user: string;
  readonly password: string;
}

/** RFC 7617: the part of an Authorization header behind `Basic `. Undefined when it is none. */
export function parseBasic(encoded: string): PasswordCredentials | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The scheme, in lower case, and the rest of an Authorization header (RFC 9110, 11.4). */
export function splitAuthorization(header: string): { readonly scheme: string; readonly rest: string } {
  const space = header.indexOf(" ");
  if (space < 0) return { scheme: header.toLowerCase(), rest: "" };
  return { scheme: header.slice(0, space).toLowerCase(), rest: header.slice(space + 1).trim() };
}
