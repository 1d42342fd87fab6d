import type { Webhooks } from "../events/webhooks/webhooks.js";
import type { Reading } from "./metrics.js";

type Statistics = Webhooks["statistics"] extends ReadonlyMap<string, infer S> ? S : never;

/** How each webhook fares. */
export function webhookReadings(webhooks: Webhooks): readonly Reading[] {
  const read = (pick: (statistics: Statistics) => number) => (): Iterable<readonly [Record<string, string>, number]> =>
    [...webhooks.statistics].map(([name, statistics]) => [{ name }, pick(statistics)]);
  return [
    {
      name: "berth_registry_webhook_delivered_total",
      help: "Events that a webhook has taken.",
      type: "counter",
      read: read(({ delivered }) => delivered),
    },
    {
      name: "berth_registry_webhook_failures_total",
      help: "Posts to a webhook that failed.",
      type: "counter",
      read: read(({ failures }) => failures),
    },
    {
      name: "berth_registry_webhook_dropped_total",
      help: "Events that a webhook was never told of.",
      type: "counter",
      read: read(({ dropped }) => dropped),
    },
    {
      name: "berth_registry_webhook_waiting",
      help: "Events that wait for a webhook.",
      type: "gauge",
      read: read(({ waiting }) => waiting),
    },
  ];
}
