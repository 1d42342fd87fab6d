import { pino, type DestinationStream, type Logger } from "pino";

/** Names under which something secret could come into a record, whoever writes it. */
const SECRET_NAMES = ["authorization", "Authorization", "cookie", "password", "secret", "token", "refresh_token"];

/**
 * One JSON object a line, so that nothing that a client sends can begin a line of its own. What is named like a secret is left
 * out, in a record and in objects of it and of theirs.
 */
export function registryLogger(level: string, destination?: DestinationStream): Logger {
  const paths = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ level, redact: { paths, censor: "[secret]" } }, destination ?? pino.destination({ fd: 2, sync: true }));
}
