import type { MirrorCounts, UpstreamCounts } from "../mirror/mirror-counts.js";
import { singleValue, type MetricFamily, type MetricValue } from "./metric-family.js";

const KINDS = ["manifest", "blob"] as const;
const RESULTS = ["hit", "miss", "stale", "absent", "failed"] as const;

/** How upstreams and the copies of their images fare. Labels come from the configuration and from sets that are fixed here. */
export function mirrorFamilies(counts: MirrorCounts): readonly MetricFamily[] {
  const ofUpstreams = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    values: (counts: UpstreamCounts) => readonly MetricValue[],
  ): MetricFamily => ({
    type,
    help,
    name: `berth_registry_mirror_${name}`,
    values: () =>
      [...counts.upstreams].flatMap(([upstream, one]) =>
        values(one).map(({ labels, value }) => ({ labels: { upstream, ...labels }, value })),
      ),
  });
  const held = (name: string, help: string, pick: (held: { bytes: number; manifests: number }) => number) => ({
    type: "gauge" as const,
    name: `berth_registry_mirror_held_${name}`,
    help,
    values: () => (counts.held === undefined ? [] : [{ labels: {}, value: pick(counts.held) }]),
  });
  return [
    ofUpstreams("counter", "requests_total", "Requests for copies, by what was found here.", ({ requests }) =>
      KINDS.flatMap((kind) => RESULTS.map((result) => ({ labels: { kind, result }, value: requests[kind][result] }))),
    ),
    ofUpstreams("counter", "received_bytes_total", "Bytes that upstreams have sent.", ({ received }) =>
      KINDS.map((kind) => ({ labels: { kind }, value: received[kind] })),
    ),
    ofUpstreams("counter", "faults_total", "Questions to upstreams that failed, by class.", ({ faults, host }) =>
      [...faults].map(([fault, value]) => ({ labels: { host, class: fault }, value })),
    ),
    ofUpstreams("gauge", "left_alone", "1 while an upstream is asked nothing because it fails.", ({ isLeftAlone }) => [
      { labels: {}, value: isLeftAlone() ? 1 : 0 },
    ]),
    held("bytes", "Bytes of copies when it was last looked what is to be evicted.", ({ bytes }) => bytes),
    held("manifests", "Manifests of copies when it was last looked what is to be evicted.", (found) => found.manifests),
    singleValue(
      "counter",
      "berth_registry_mirror_evicted_bytes_total",
      "Bytes of copies that were evicted; the collector frees them.",
      () => counts.evicted.bytes,
    ),
    singleValue(
      "counter",
      "berth_registry_mirror_evicted_manifests_total",
      "Manifests of copies that were evicted.",
      () => counts.evicted.manifests,
    ),
  ];
}
