import { createReadStream, createWriteStream, type ReadStream } from "node:fs";
import { rename } from "node:fs/promises";
import { addAbortSignal, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

import { BerthError } from "../../oci/errors.js";

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
// About twice the time of level 1 for a sixth fewer bytes.
export const LAYER_LEVEL = 4;

/** Copies a tar into `output`, compressed: as it is when it is compressed already. `-` is standard input. */
export async function layerFileFrom(source: string, output: string, signal: AbortSignal | undefined): Promise<void> {
  const input: Readable = source === "-" ? process.stdin : createReadStream(source, { highWaterMark: 256 * 1024 });
  if (signal !== undefined) addAbortSignal(signal, input);
  const { first, rest } = await split(input);
  if (first === undefined) throw new BerthError("ARCHIVE_INVALID", `${source}: there is nothing in it`);
  const temporary = `${output}.part`;
  const sink = createWriteStream(temporary, { flags: "wx", mode: 0o600 });
  const compressed = [GZIP, ZSTD].some((magic) => first.subarray(0, magic.byteLength).equals(magic));
  const bytes = Readable.from(joined(first, rest), { objectMode: false, highWaterMark: 256 * 1024 });
  const options = signal === undefined ? {} : { signal };
  if (compressed) await pipeline(bytes, sink, options);
  else await pipeline(bytes, createGzip({ level: LAYER_LEVEL }), sink, options);
  await rename(temporary, output);
}

async function split(input: Readable): Promise<{ first: Buffer | undefined; rest: AsyncIterator<Buffer> }> {
  const rest = (input as ReadStream)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const head = await rest.next();
  return { first: head.done === true ? undefined : head.value, rest };
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
