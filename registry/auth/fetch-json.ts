const MAX_BYTES = 256 * 1024;

/** Whether keys may come from there: nobody on the way can change what https brings, and nobody is on the way of loopback. */
export function isTrustworthyUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return (
    url.protocol === "https:" ||
    (url.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname))
  );
}

/** GET of a small JSON document: bounded in time and size, without redirects. @throws Error in one line */
export async function fetchJson(url: string, timeoutMs: number): Promise<unknown> {
  if (!isTrustworthyUrl(url)) throw new Error(`${url} is neither https nor on this host`);
  const answer = await fetch(url, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Error(`${url} answered ${String(answer.status)}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`${url} answered more than ${String(MAX_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
