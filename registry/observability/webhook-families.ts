import type { Webhooks } from "../events/webhooks/webhooks.js";
import type { MetricFamily } from "./metric-family.js";

type All = Webhooks["statistics"];
type Statistics = All extends ReadonlyMap<string, infer S> ? S : never;

/** How each webhook fares. */
export function webhookFamilies(now: () => All): readonly MetricFamily[] {
  const family = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    pick: (statistics: Statistics) => number,
  ): MetricFamily => ({
    type,
    help,
    name: `berth_registry_webhook_${name}`,
    values: () => [...now()].map(([webhook, statistics]) => ({ labels: { webhook }, value: pick(statistics) })),
  });
  return [
    family("counter", "delivered_total", "Events that a webhook has taken.", ({ delivered }) => delivered),
    family("counter", "failures_total", "Posts to a webhook that failed.", ({ failures }) => failures),
    family("counter", "dropped_total", "Events that a webhook was never told of.", ({ dropped }) => dropped),
    family("gauge", "waiting", "Events that wait for a webhook.", ({ waiting }) => waiting),
  ];
}
