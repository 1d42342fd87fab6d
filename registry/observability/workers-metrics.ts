/** Metrics of all workers of this primary (node:cluster), added up. */
export async function workersMetrics(): Promise<{
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}> {
  const { AggregatorRegistry } = await import("prom-client");
  const workers = new AggregatorRegistry();
  return { text: async () => ({ contentType: workers.contentType, body: await workers.clusterMetrics() }) };
}
