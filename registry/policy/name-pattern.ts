/**
 * Whether a name matches a pattern: `?` stands for one character and `*` for any number of them, none of them a `/`; `**`
 * stands for any characters. Takes time in proportion to the lengths' product whatever the pattern, because clients choose
 * the names.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  // reached[i]: the pattern up to here can stand for the first i characters of the name.
  let reached: boolean[] = Array.from({ length: name.length + 1 }, (_, i) => i === 0);
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    const next = Array.from({ length: name.length + 1 }, () => false);
    if (character === "*") {
      const anything = pattern[at + 1] === "*";
      while (pattern[at + 1] === "*") at++;
      for (let i = 0; i <= name.length; i++) {
        next[i] = reached[i] === true || (i > 0 && next[i - 1] === true && (anything || name[i - 1] !== "/"));
      }
    } else {
      for (let i = 1; i <= name.length; i++) {
        next[i] = reached[i - 1] === true && (character === "?" ? name[i - 1] !== "/" : name[i - 1] === character);
      }
    }
    reached = next;
  }
  return reached[name.length] === true;
}

export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}
