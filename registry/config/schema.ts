import * as v from "valibot";

import { collectorSection } from "./collector-section.js";
import { authSection } from "./auth-section.js";
import { mirrorsSection } from "./mirrors-section.js";
import { healthSection, metricsSection, tracingSection } from "./observability-section.js";
import { policySection, rateSection, retentionSection } from "./policy-section.js";
import { tlsSection } from "./tls-section.js";
import { storageSection } from "./storage-section.js";
import { uploadsSection } from "./uploads-section.js";
import { count, flag, httpUrl, listenAddress, text } from "./values.js";
import { webhooksSection } from "./webhooks-section.js";
import { workers } from "./workers-setting.js";

/**
 * The configuration of `berth registry serve`; a concern with several settings has its section in a file of its own beside
 * this one. Every leaf has a BERTH_REGISTRY_* variable (environment.ts).
 */
export const configSchema = v.strictObject({
  /** host:port */
  listen: v.optional(listenAddress, "127.0.0.1:5000"),
  /** Directory of the store; default <state root>/registry */
  root: v.optional(text),
  storage: storageSection,
  /** Serve beyond loopback though anybody may then read and write. */
  insecureNoAuth: v.optional(flag, false),
  /** Processes that share the work, on the same store; `auto` is one for each core. */
  workers,
  log: v.optional(
    v.strictObject({
      level: v.optional(
        v.picklist(
          ["silent", "fatal", "error", "warn", "info", "debug", "trace"],
          "is none of silent, fatal, error, warn, info, debug, trace",
        ),
        "info",
      ),
      /** GET and HEAD too, and not only what changes something. */
      pulls: v.optional(flag, false),
    }),
    {},
  ),
  http: v.optional(
    v.strictObject({
      /** Where clients see the registry: makes Location headers absolute. */
      url: v.optional(httpUrl),
      /** Believe X-Forwarded-Host and -Proto: only behind a proxy that sets them. */
      trustForwarded: v.optional(flag, false),
      idleTimeoutSeconds: v.optional(count(1), 120),
      drainTimeoutSeconds: v.optional(count(0), 30),
    }),
    {},
  ),
  limits: v.optional(
    v.strictObject({
      /** distribution-spec, "Pushing Manifests": at least 4 MiB should be taken. */
      manifestBytes: v.optional(count(1024), 4 * 1024 * 1024),
      /** Take manifests that name what the repository does not have, such as an index of which only one platform is kept. */
      sparseManifests: v.optional(flag, false),
      rate: rateSection,
    }),
    {},
  ),
  collector: collectorSection,
  policies: policySection,
  retention: retentionSection,
  webhooks: webhooksSection,
  mirrors: mirrorsSection,
  metrics: metricsSection,
  tracing: tracingSection,
  health: healthSection,
  auth: authSection,
  tls: tlsSection,
  uploads: uploadsSection,
});

export type RegistryConfig = v.InferOutput<typeof configSchema>;
