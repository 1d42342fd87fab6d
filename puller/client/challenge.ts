/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const TOKEN68 = /[0-9A-Za-z\-._~+/]+=*(?=\s*(?:,|$))/y;
const MAX_LENGTH = 16_384;

/**
 * Reads all challenges of a header; what cannot be read ends the list. Several header fields are given joined by commas.
 */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, MAX_LENGTH);
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const skip = (pattern: RegExp): boolean => take(pattern) !== null;

  for (;;) {
    skip(/[\s,]+/y);
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) return challenges;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (!skip(/ +/y)) continue;
    // The opaque data of a scheme such as Negotiate.
    if (skip(TOKEN68)) continue;
    for (;;) {
      const start = at;
      const name = take(TOKEN)?.[0];
      if (name === undefined || !skip(/\s*=\s*/y)) {
        // The name of the next scheme.
        at = start;
        break;
      }
      const quoted = take(QUOTED)?.[1];
      const value = quoted === undefined ? take(TOKEN)?.[0] : quoted.replace(/\\(.)/g, "$1");
      if (value === undefined) return challenges;
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
      if (!skip(/\s*,[\s,]*/y)) break;
    }
  }
}
