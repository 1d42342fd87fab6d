import { BerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import { TransientFailure, withRetries } from "./backoff.js";
import type { RegistrySession } from "./registry-session.js";
import { headerOf, type Answer } from "./response-error.js";
import type { ByteSink } from "./transport.js";

/** See RegistryClient.downloadBlob. */
export async function downloadBlob(
  session: RegistrySession,
  repository: string,
  blob: Descriptor,
  sink: ByteSink,
  signal: AbortSignal | undefined,
  from = 0,
): Promise<void> {
  const what = `cannot fetch ${blob.digest}`;
  let received = from;
  let atLastFailure = from;

  const receive = (skip: number): ByteSink => ({
    write: async (chunk) => {
      const skipped = Math.min(skip, chunk.byteLength);
      skip -= skipped;
      const fresh = skipped === 0 ? chunk : chunk.subarray(skipped);
      if (fresh.byteLength === 0) return;
      if (received + fresh.byteLength > blob.size) throw wrongSize(blob, "more");
      received += fresh.byteLength;
      await sink.write(fresh);
    },
  });

  const attempt = async (): Promise<void> => {
    if (received === blob.size && received > 0) return;
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
        // A server that ignores Range sends all of it again: what came before is skipped.
        if (status === 200) return receive(received);
        if (status !== 206) return undefined;
        if (startOf(headers) !== received) throw new BerthError("UPSTREAM", `${what}: the answer is of another range`);
        return receive(0);
      },
    });
    if (received < blob.size) throw cutOff(answer, blob, received);
  };

  const progressed = (): boolean => {
    // A server that gives next to nothing for each connection must not hold us for ever.
    const further = received - atLastFailure >= session.limits.progressBytes;
    atLastFailure = received;
    return further;
  };
  await withRetries(session.limits, signal, attempt, progressed);
}

/** First byte of a Content-Range such as `bytes 100-199/200`. */
function startOf(headers: Answer["headers"]): number | undefined {
  const start = /^bytes (\d+)-/.exec(headerOf(headers, "content-range") ?? "")?.[1];
  return start === undefined ? undefined : Number(start);
}

function cutOff(answer: Answer, blob: Descriptor, received: number): Error {
  const failure = wrongSize(blob, "fewer");
  const announced = Number(headerOf(answer.headers, "content-length"));
  // A body that ended where the server said it would is all there is.
  return answer.status === 200 && announced === received ? failure : new TransientFailure(failure);
}

function wrongSize(blob: Descriptor, than: "more" | "fewer"): BerthError {
  return new BerthError(
    "SIZE_INVALID",
    `${blob.digest}: the registry sent ${than} bytes than the ${String(blob.size)} of the manifest`,
  );
}
