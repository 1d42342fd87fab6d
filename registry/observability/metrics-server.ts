import { createServer } from "node:http";

import type { Logger } from "pino";

import { BerthError } from "../../oci/errors.js";
import type { ListenAddress } from "../http/listener.js";

export interface MetricsServer {
  /** `http://host:port/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

interface MetricsSource {
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/**
 * Serves GET /metrics on an address of its own, because metrics are not for everybody who may reach the registry.
 * @throws BerthError ADDRESS_IN_USE, USAGE
 */
export async function serveMetrics(
  source: MetricsSource,
  { host, port }: ListenAddress,
  log: Logger,
): Promise<MetricsServer> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, (request, response) => {
    const path = (request.url ?? "").split("?")[0];
    if (path !== "/metrics" || !["GET", "HEAD"].includes(request.method ?? "")) {
      response.writeHead(404).end();
      return;
    }
    source.text().then(
      ({ contentType, body }) => {
        response.writeHead(200, { "Content-Type": contentType }).end(request.method === "HEAD" ? "" : body);
      },
      (error: unknown) => {
        log.error({ err: error }, "the metrics could not be read");
        response.writeHead(500).end();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const isInUse = "code" in cause && cause.code === "EADDRINUSE";
      const address = `${host}:${String(port)}`;
      reject(
        isInUse
          ? new BerthError("ADDRESS_IN_USE", `${address} is in use: choose another for metrics.listen`, { cause })
          : new BerthError("USAGE", `cannot listen on ${address} for metrics: ${cause.message}`, { cause }),
      );
    });
    server.listen({ host, port }, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${String(boundPort)}/metrics`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
