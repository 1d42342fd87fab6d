import { NativeError } from "./native-error.js";

/** Builds the big-endian, length-prefixed records that `shim/plan_reader.cc` reads. */
export class PlanWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  u8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#length = this.#room(2).writeUInt16BE(value, this.#length);
  }

  u32(value: number): void {
    this.#length = this.#room(4).writeUInt32BE(value, this.#length);
  }

  i32(value: number): void {
    this.#length = this.#room(4).writeInt32BE(value, this.#length);
  }

  u64(value: bigint): void {
    this.#length = this.#room(8).writeBigUInt64BE(value, this.#length);
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.u32(value.byteLength);
    this.#room(value.byteLength).set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** @throws NativeError INVALID_PLAN when the kernel, which ends strings at NUL, would read something shorter */
  text(value: string): void {
    if (value.includes("\0")) throw new NativeError("a string for the container holds a NUL byte", "INVALID_PLAN");
    this.bytes(Buffer.from(value, "utf8"));
  }

  list<T>(values: readonly T[], write: (value: T) => void): void {
    this.u32(values.length);
    values.forEach(write);
  }

  texts(values: readonly string[]): void {
    this.list(values, (value) => {
      this.text(value);
    });
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(count: number): Buffer {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
