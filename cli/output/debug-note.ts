/** For whoever looks for a fault: with BERTH_DEBUG set, on standard error, without control characters. */
export function debugNote(sentence: string): void {
  if (!process.env["BERTH_DEBUG"]) return;
  process.stderr.write(`berth: debug: ${sentence.replace(/[\p{Cc}\u2028\u2029]+/gu, " ")}\n`);
}
