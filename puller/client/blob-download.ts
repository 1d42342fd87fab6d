import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { TransientFailure, withRetries } from "./backoff.js";
import type { RegistrySession } from "./registry-session.js";
import { headerOf, lengthOf, type Answer } from "./response-error.js";
import type { ByteSink } from "./transport.js";

export interface WantedBlob {
  readonly digest: Digest;
  /** When absent, what the registry says. */
  readonly size?: number;
}

export interface BlobSink extends ByteSink {
  /** Called before the first byte with the blob's size; undefined when nobody knows it. What it throws ends the transfer. */
  begin?(size: number | undefined): void;
}

/** See RegistryClient.downloadBlob. */
export async function downloadBlob(
  session: RegistrySession,
  repository: string,
  blob: WantedBlob,
  sink: BlobSink,
  signal: AbortSignal | undefined,
  from = 0,
): Promise<void> {
  const what = `cannot fetch ${blob.digest}`;
  const progress = { size: blob.size, received: from, begun: false };
  let atLastFailure = from;

  const receive = (skip: number): ByteSink => ({
    write: async (chunk) => {
      const skipped = Math.min(skip, chunk.byteLength);
      skip -= skipped;
      const fresh = skipped === 0 ? chunk : chunk.subarray(skipped);
      if (fresh.byteLength === 0) return;
      const { size } = progress;
      if (size !== undefined && progress.received + fresh.byteLength > size) throw wrongSize(blob, size, "more");
      progress.received += fresh.byteLength;
      await sink.write(fresh);
    },
  });

  /** The first answer tells how much there is. */
  const begin = (announced: number | undefined): void => {
    if (progress.begun) return;
    progress.begun = true;
    progress.size ??= announced;
    sink.begin?.(progress.size);
  };

  const attempt = async (): Promise<void> => {
    const { received } = progress;
    if (received === progress.size && received > 0) return;
    const answer = await session.callOnce({
      method: "GET",
      target: `/v2/${repository}/blobs/${blob.digest}`,
      headers: received === 0 ? {} : { range: `bytes=${String(received)}-` },
      scope: `repository:${repository}:pull`,
      accept: [200, 206],
      what,
      missing: "BLOB_UNKNOWN",
      signal,
      sink: (status, headers) => {
        if (status === 200) begin(lengthOf(headers));
        // A server that ignores Range sends all of it again: what came before is skipped.
        if (status === 200) return receive(received);
        if (status !== 206) return undefined;
        const range = rangeOf(headers);
        if (range?.start !== received) throw new BerthError("UPSTREAM", `${what}: the answer is of another range`);
        begin(range.size);
        return receive(0);
      },
    });
    const { size } = progress;
    if (size !== undefined && progress.received < size) throw cutOff(answer, blob, progress.received, size);
  };

  const progressed = (): boolean => {
    // A server that gives next to nothing for each connection must not hold us for ever.
    const further = progress.received - atLastFailure >= session.limits.progressBytes;
    atLastFailure = progress.received;
    return further;
  };
  await withRetries(session.limits, signal, attempt, progressed);
}

/** Of a Content-Range such as `bytes 100-199/200`. */
function rangeOf(headers: Answer["headers"]): { start: number; size: number | undefined } | undefined {
  const [, start, size] =
    /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)/.exec(headerOf(headers, "content-range") ?? "") ?? [];
  if (start === undefined) return undefined;
  return { start: Number(start), size: size === "*" ? undefined : Number(size) };
}

function cutOff(answer: Answer, blob: WantedBlob, received: number, size: number): Error {
  const failure = wrongSize(blob, size, "fewer");
  // A body that ended where the server said it would is all there is.
  return answer.status === 200 && lengthOf(answer.headers) === received ? failure : new TransientFailure(failure);
}

function wrongSize({ digest }: WantedBlob, size: number, than: "more" | "fewer"): BerthError {
  return new BerthError(
    "SIZE_INVALID",
    `${digest}: the registry sent ${than} bytes than the ${String(size)} of the manifest`,
  );
}
