export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Later entries replace earlier ones of the same name, in the place of the earlier one; a name without `=` takes it away. */
export function mergeEnvironment(...lists: (readonly string[])[]): string[] {
  const values = new Map<string, string>();
  for (const entry of lists.flat()) {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (equals < 0) values.delete(name);
    else values.set(name, entry);
  }
  return [...values.values()];
}

/** What Docker adds to the image's and the user's: PATH, HOSTNAME, TERM on a terminal, HOME from the user's passwd entry. */
export function processEnvironment(
  configured: readonly string[],
  facts: { readonly hostname: string; readonly tty: boolean; readonly home: string },
): string[] {
  const before = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${facts.hostname}`, ...(facts.tty ? ["TERM=xterm"] : [])];
  const merged = mergeEnvironment(before, configured);
  return merged.some((entry) => entry.startsWith("HOME=")) ? merged : [...merged, `HOME=${facts.home}`];
}
