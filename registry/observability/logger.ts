import { pino, type DestinationStream, type Logger } from "pino";

/** Names under which something secret could come into a record, whoever writes it. */
const SECRET_NAMES = ["authorization", "Authorization", "cookie", "password", "secret", "token", "refresh_token"];

/** Beyond it records are lost while none can be written. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * One JSON object a line, so that nothing that a client sends can begin a line of its own. What is named like a secret is left
 * out, in a record and in objects of it and of theirs.
 */
export function registryLogger(level: string, destination?: DestinationStream): Logger {
  const paths = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ level, redact: { paths, censor: "[secret]" } }, destination ?? standardError());
}

/** A log that cannot be written, to a file on a full disk, must not end what it tells of. What waits is written later. */
function standardError(): DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
  stream.on("error", () => undefined);
  return stream;
}
