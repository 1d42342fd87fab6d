export const COPY_PREFIX = "_";

/**
 * Under which name the store keeps the copy of an upstream's repository: beside those that are pushed, and with an underscore
 * before it, which no name that a client can ask for begins with. So neither can a push ever write to a copy, nor the
 * eviction of copies ever reach what was pushed, whatever mirrors are configured now or were before.
 */
export function copyName(upstream: string, repository: string): string {
  return `${COPY_PREFIX}${upstream}/${repository}`;
}

export function isCopyName(name: string): boolean {
  return name.startsWith(COPY_PREFIX);
}
