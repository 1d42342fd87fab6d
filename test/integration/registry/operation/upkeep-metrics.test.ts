import assert from "node:assert/strict";

import { pino } from "pino";

import { CollectorSchedule } from "../../../../registry/collector/collector-schedule.js";
import type { MetricFamily } from "../../../../registry/observability/metric-family.js";
import { Policies } from "../../../../registry/policy/policies.js";
import { RetentionSchedule } from "../../../../registry/policy/retention-schedule.js";
import { Retention } from "../../../../registry/policy/retention.js";
import { registryOn } from "../../../../registry/registry.js";
import { FilesystemObjectStore } from "../../../../storage/filesystem/filesystem-object-store.js";
import { waitUntil } from "../../../helpers/wait-until.js";
import { imageIn, pushBlob, putManifest, randomContent } from "../support/content.js";
import { TestRegistry } from "../support/test-registry.js";

const LIMITS = { manifestBytes: 4_000_000, sparseManifests: false };
const COLLECTOR = { enabled: true, everyHours: 1, graceHours: 0, untagged: false, untaggedGraceHours: 0 };
const KEEP_ONE = [{ repositories: ["a"], retention: { keepLast: 1 } }];
const QUIET = pino({ level: "silent" });

/** The series' value; undefined when there is none. */
function valueOf(families: readonly MetricFamily[], name: string, label = ""): number | undefined {
  const family = families.find((one) => one.name === `berth_registry_${name}`) ?? assert.fail(name);
  return family.values().find(({ labels }) => Object.values(labels).join() === label)?.value;
}

describe("metrics of what is done by schedule", () => {
  let registry: TestRegistry;
  let store: FilesystemObjectStore;

  beforeEach(async () => {
    registry = await TestRegistry.start({
      metrics: { listen: "127.0.0.1:0" },
      collector: COLLECTOR,
      retention: { enabled: true, everyHours: 24 },
    });
    store = await FilesystemObjectStore.open(registry.directory);
  });

  afterEach(async () => {
    await store.close();
    await registry.stop();
  });

  it("tell of the collector's runs, and of what it deleted and freed", async () => {
    await putManifest(registry, "a", "v1", await imageIn(registry, "a"));
    const garbage = [randomContent(1000), randomContent(2000)];
    for (const blob of garbage) await pushBlob(registry, "a", blob);
    const before = Date.now() / 1000;
    const schedule = new CollectorSchedule(store, COLLECTOR, QUIET, 0);
    const value = (name: string, label?: string): number | undefined => valueOf(schedule.families, name, label);
    assert.equal(value("collector_last_run_timestamp_seconds"), undefined);
    await waitUntil("it has run", () => value("collector_runs_total", "completed") === 1);
    await schedule.stop();
    assert.equal(value("collector_deleted_total", "blob"), 2);
    assert.equal(value("collector_deleted_total", "manifest"), 0);
    assert.equal(value("collector_freed_bytes_total"), 3000);
    assert.ok((value("collector_last_run_timestamp_seconds") ?? 0) >= before);
    assert.ok((value("collector_last_run_duration_seconds") ?? 0) > 0);
    assert.equal(value("collector_runs_total", "failed"), 0);
  });

  it("tell of a collection that failed", async () => {
    const failing = new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === "list") return () => Promise.reject(new Error("the disk is gone"));
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    await pushBlob(registry, "a", randomContent(1000));
    const schedule = new CollectorSchedule(failing, COLLECTOR, QUIET, 0);
    await waitUntil("it has failed", () => valueOf(schedule.families, "collector_runs_total", "failed") === 1);
    await schedule.stop();
    assert.equal(valueOf(schedule.families, "collector_runs_total", "completed"), 0);
    assert.equal(valueOf(schedule.families, "collector_last_run_timestamp_seconds"), undefined);
  });

  it("tell of retention", async () => {
    for (const tag of ["v1", "v2", "v3"]) await putManifest(registry, "a", tag, await imageIn(registry, "a"));
    const served = registryOn(store, { limits: LIMITS, policies: new Policies(KEEP_ONE) });
    const schedule = new RetentionSchedule(new Retention(store, served), 3600_000, QUIET, 0);
    await waitUntil("it has run", () => valueOf(schedule.families, "retention_runs_total", "completed") === 1);
    await schedule.stop();
    assert.equal(valueOf(schedule.families, "retention_deleted_total", "tag"), 2);
    await served.uploads.close();
  });

  it("are served before anything has run", async () => {
    const text = await (await fetch(registry.metricsUrl)).text();
    for (const series of [
      'collector_runs_total{outcome="completed"} 0',
      'collector_runs_total{outcome="failed"} 0',
      'retention_runs_total{outcome="completed"} 0',
      'collector_deleted_total{kind="blob"} 0',
    ]) {
      assert.ok(text.includes(`\nberth_registry_${series}\n`), series);
    }
    assert.doesNotMatch(text, /^berth_registry_collector_last_run_timestamp_seconds /m);
  });
});
