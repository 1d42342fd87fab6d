import { readFileSync } from "node:fs";

import * as v from "valibot";

import { BerthError } from "../../oci/errors.js";
import { count, text, url } from "./values.js";

/** RFC 9110, 5.1 and 5.5. What the transport sets itself is not for anybody else. */
const HEADER_NAME =
  /^(?!(?:host|content-length|content-type|connection|transfer-encoding|upgrade|expect|te|berth-signature)$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const LEAST_SECRET = 16;

const endpoint = v.pipe(
  v.strictObject({
    /** Names the endpoint in logs, metrics and the queue. */
    name: v.pipe(text, v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "is not lower-case letters, digits and -")),
    url: v.pipe(url, v.check(isPlainHttp, "is not http:// or https:// without a user name (use headers)")),
    headers: v.optional(
      v.record(
        v.pipe(v.string(), v.regex(HEADER_NAME, "is not a header that can be set")),
        v.pipe(v.string("is not text"), v.regex(HEADER_VALUE, "holds what a header cannot")),
      ),
      {},
    ),
    /** Key of the signature; or `secretFile`. */
    secret: v.optional(v.pipe(text, v.minLength(LEAST_SECRET, "is shorter than 16 characters"))),
    secretFile: v.optional(text),
    timeoutSeconds: v.optional(count(1), 5),
    /** So many failures in a row are retried quickly; after them comes the backoff. */
    threshold: v.optional(count(1), 3),
    /** The first wait; each further one is twice as long, up to five minutes. */
    backoffSeconds: v.optional(count(1), 5),
    /** An event that could not be delivered for so long is dropped. */
    giveUpAfterHours: v.optional(count(1), 24),
    /** Events that wait at most; later ones are dropped. */
    queueLimit: v.optional(count(1), 10_000),
    ignore: v.optional(
      v.strictObject({
        actions: v.optional(v.array(v.picklist(["push", "pull", "delete", "mount"], "is no action")), ["pull"]),
        mediaTypes: v.optional(v.array(text), []),
      }),
      {},
    ),
  }),
  v.check(
    ({ secret, secretFile }) => secret === undefined || secretFile === undefined,
    "has both secret and secretFile",
  ),
);

export type WebhookEndpoint = v.InferOutput<typeof endpoint>;

/** Key of the endpoint's signatures; undefined when it has none. @throws BerthError CONFIG_INVALID for its file */
export function readWebhookSecret({ name, secret, secretFile }: WebhookEndpoint): string | undefined {
  if (secretFile === undefined) return secret;
  let why = `${secretFile} holds less than ${String(LEAST_SECRET)} characters`;
  try {
    const read = readFileSync(secretFile, "utf8").trim();
    if (read.length >= LEAST_SECRET) return read;
  } catch (cause) {
    why = cause instanceof Error ? cause.message : String(cause);
  }
  throw new BerthError("CONFIG_INVALID", `the secret of webhook ${name} cannot be read: ${why}`);
}

/** `webhooks`: who is told what happens. */
export const webhooksSection = v.optional(
  v.strictObject({
    endpoints: v.optional(
      v.pipe(
        v.array(endpoint, "is not a list of endpoints"),
        v.check((all) => new Set(all.map(({ name }) => name)).size === all.length, "two endpoints have one name"),
      ),
      [],
    ),
  }),
  {},
);

function isPlainHttp(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return ["http:", "https:"].includes(protocol) && username === "" && password === "";
}
