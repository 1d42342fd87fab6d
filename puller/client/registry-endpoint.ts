import { isIPv4 } from "node:net";

const DOCKER_HUB = "registry-1.docker.io";

/** localhost, 127.0.0.0/8 and ::1, with or without a port: traffic that never leaves the host. */
export function isLoopbackRegistry(registry: string): boolean {
  const host = hostOf(registry).toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost") || host === "[::1]") return true;
  return isIPv4(host) && host.startsWith("127.");
}

/** Origins to try, in order. */
export function candidateOrigins(registry: string, insecure: boolean): string[] {
  const authority = registry === "docker.io" ? DOCKER_HUB : registry;
  if (isLoopbackRegistry(registry)) return [`http://${authority}`, `https://${authority}`];
  return insecure ? [`https://${authority}`, `http://${authority}`] : [`https://${authority}`];
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, "");
}
