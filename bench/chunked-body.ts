const LINE_END = "\r\n";

/** Counts a body in chunked transfer coding (RFC 9112, 7.1) as it arrives; without trailers. */
export class ChunkedBody {
  /** Of the content so far. */
  bytes = 0;
  /** Of the chunk under way, with the line end behind it. */
  #left = 0;
  #line = "";

  /** Returns whether that was the end. */
  take(received: Buffer): boolean {
    let rest = received;
    while (rest.length > 0) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, rest.length);
        this.#left -= taken;
        rest = rest.subarray(taken);
        continue;
      }
      const end = rest.indexOf("\n") + 1;
      this.#line += rest.toString("latin1", 0, end === 0 ? rest.length : end);
      rest = end === 0 ? rest.subarray(rest.length) : rest.subarray(end);
      if (!this.#line.endsWith(LINE_END)) continue;
      const size = Number.parseInt(this.#line, 16);
      if (Number.isNaN(size)) {
        // The empty line behind the last chunk.
        if (this.#line === LINE_END) return true;
        throw new Error(`a chunk of ${JSON.stringify(this.#line.slice(0, 50))} bytes`);
      }
      this.#line = "";
      this.bytes += size;
      if (size > 0) this.#left = size + LINE_END.length;
    }
    return false;
  }
}
