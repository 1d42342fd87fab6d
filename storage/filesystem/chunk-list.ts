/** The first `bytes` of the chunks, and what is left of them. Copies nothing. */
export function splitAt(chunks: readonly Uint8Array[], bytes: number): [readonly Uint8Array[], readonly Uint8Array[]] {
  let before = bytes;
  for (const [i, chunk] of chunks.entries()) {
    if (before < chunk.length) {
      const head = before === 0 ? [] : [chunk.subarray(0, before)];
      return [
        [...chunks.slice(0, i), ...head],
        [chunk.subarray(before), ...chunks.slice(i + 1)],
      ];
    }
    before -= chunk.length;
  }
  return [chunks, []];
}
