import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PROJECT } from "../../../helpers/project.js";
import { WebhookReceiver } from "../events/support/webhook-receiver.js";
import { MirrorRig } from "../mirror/support/mirror-rig.js";

interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: Readonly<Record<"h" | "w" | "x" | "y", number>>;
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const PREFIX = "berth_registry_";
/** What Prometheus adds. */
const OF_PROMETHEUS = ["instance", "le"];

/** Family's name -> its labels, by the tables. */
function documented(): Map<string, readonly string[]> {
  const text = readFileSync(join(PROJECT, "docs/metrics.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(berth_registry_\w+)` +\| ([^|]*?) +\|/gm)];
  return new Map(
    rows.map(([, name = "", labels = ""]) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label)]),
  );
}

describe("what is published of the registry's metrics", () => {
  /** `# TYPE` of what a registry with everything serves. */
  let served: Map<string, string>;
  let text: string;

  before(async () => {
    const receiver = await WebhookReceiver.start();
    const webhook = {
      name: "test",
      url: receiver.url,
      headers: {},
      timeoutSeconds: 5,
      threshold: 3,
      backoffSeconds: 5,
      giveUpAfterHours: 1,
      queueLimit: 10,
      ignore: { actions: [], mediaTypes: [] },
    };
    const rig = await MirrorRig.start({
      registry: {
        metrics: { listen: "127.0.0.1:0" },
        webhooks: [webhook],
        collector: { enabled: true, everyHours: 24, graceHours: 24, untagged: false, untaggedGraceHours: 168 },
        retention: { enabled: true, everyHours: 24 },
      },
    });
    try {
      await rig.mirror.expect(200, "GET", "/v2/up/team/app/manifests/v1");
      text = await (await fetch(rig.mirror.metricsUrl)).text();
    } finally {
      await rig.stop();
      await receiver.stop();
    }
    served = new Map(
      [...text.matchAll(/^# TYPE (berth_registry_\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
    );
  });

  it("is every family that is served, and none that is not (docs/metrics.md)", () => {
    assert.deepEqual([...documented().keys()].sort(), [...served.keys()].sort());
  });

  it("names the labels that series have", () => {
    const known = documented();
    for (const [, series = "", labels = ""] of text.matchAll(/^(berth_registry_\w+)\{([^}]*)\}/gm)) {
      const name = known.has(series) ? series : series.replace(/_(?:bucket|sum|count)$/, "");
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = ""]) => label).filter((label) => label !== "le");
      assert.deepEqual([...new Set(names)].sort(), [...(known.get(name) ?? assert.fail(series))].sort(), series);
    }
  });

  it("has a dashboard whose every question can be answered (deploy/grafana-dashboard.json)", () => {
    const known = documented();
    const dashboard = JSON.parse(readFileSync(join(PROJECT, "deploy/grafana-dashboard.json"), "utf8")) as Dashboard;
    const { panels, templating } = dashboard;
    assert.ok(dashboard.title !== "" && dashboard.uid !== "" && dashboard.schemaVersion >= 36);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.ok(panels.every(({ gridPos: { x, w }, datasource }) => x + w <= 24 && datasource.uid === "${datasource}"));
    const targets = panels.flatMap((panel) => panel.targets);
    const asked = new Set<string>();
    for (const { expr, legendFormat } of [
      ...targets,
      ...templating.list.map(({ query }) => ({ expr: query, legendFormat: "" })),
    ]) {
      const names = [...expr.matchAll(/berth_registry_\w+/g)].map(([name]) => name);
      const labels = new Set(OF_PROMETHEUS);
      for (const name of names) {
        const family = served.has(name) ? name : name.replace(/_bucket$/, "");
        const type = served.get(family) ?? assert.fail(`${name} in ${expr}`);
        assert.equal(type === "histogram", name.endsWith("_bucket"), expr);
        // A counter without a rate says when the process was started.
        const isRated = new RegExp(`(?:rate|increase)\\(${name}`).test(expr);
        assert.equal(isRated, type !== "gauge", expr);
        asked.add(family);
        for (const label of known.get(family) ?? []) labels.add(label);
      }
      const used = [
        ...[...expr.matchAll(/(\w+)(?:=~?|!~?=?)"/g)].map(([, label = ""]) => label),
        ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(", ")),
        ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label),
      ];
      for (const label of used) assert.ok(labels.has(label), `${label} in ${expr}`);
      assert.equal(expr.split("(").length, expr.split(")").length, expr);
    }
    // A family that nobody looks at is told by its neighbours.
    const unseen = [...served.keys()].filter((name) => !asked.has(name)).map((name) => name.slice(PREFIX.length));
    assert.deepEqual(unseen.sort(), [
      "collector_last_run_duration_seconds",
      "mirror_evicted_manifests_total",
      "mirror_held_manifests",
      "retention_last_run_duration_seconds",
    ]);
  });
});
