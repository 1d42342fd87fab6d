import type { RegistryEvent } from "../event.js";

/** distribution's notification format, which receivers know. */
export const ENVELOPE_TYPE = "application/vnd.docker.distribution.events.v2+json";

export interface EventSource {
  /** `host:port` of the registry that tells. */
  readonly addr: string;
  /** One for each start of a process. */
  readonly instanceID: string;
}

/** @param baseUrl under which clients see the registry; URLs begin with a slash when it is empty */
export function envelopeOf(events: readonly RegistryEvent[], source: EventSource, baseUrl: string): string {
  return JSON.stringify({ events: events.map((event) => written(event, source, baseUrl)) });
}

function written(
  { id, at, action, target, request, actor }: RegistryEvent,
  source: EventSource,
  baseUrl: string,
): object {
  const { kind, repository, digest, tag, mediaType, size, fromRepository } = target;
  const reference = digest ?? tag ?? "";
  return {
    id,
    timestamp: new Date(at).toISOString(),
    action,
    target: {
      mediaType,
      size,
      digest,
      // distribution gives both.
      length: size,
      repository,
      fromRepository,
      url: `${baseUrl}/v2/${repository}/${kind === "manifest" ? "manifests" : "blobs"}/${reference}`,
      tag,
    },
    request: {
      id: request.id,
      addr: request.address,
      host: request.host,
      method: request.method,
      useragent: request.userAgent,
    },
    actor: { name: actor },
    source,
  };
}
