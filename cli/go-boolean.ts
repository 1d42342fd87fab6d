const WORDS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "true", "True", "TRUE"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "false", "False", "FALSE"].map((word) => [word, false])),
};

/** A boolean in Docker's words (Go's strconv.ParseBool); undefined for any other. */
export function parseGoBoolean(text: string): boolean | undefined {
  return Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
}
