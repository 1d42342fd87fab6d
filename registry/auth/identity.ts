/** Whoever makes a request, as far as access rules are concerned. */
export interface Identity {
  /** From the htpasswd file; or with a prefix, `<issuer>:<claim>` or `cert:<common name>`; empty for nobody known. */
  readonly user: string;
  /** Those an issuer vouches for, `<issuer>:<group>`; groups of the configuration are not among them. */
  readonly groups: readonly string[];
}

export const ANONYMOUS: Identity = { user: "", groups: [] };

const LOCAL_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9])?$/;

/** A user's or group's name without a prefix. Has no `:`, which is what keeps others' users apart from ours. */
export function isLocalName(text: string): boolean {
  return LOCAL_NAME.test(text);
}
