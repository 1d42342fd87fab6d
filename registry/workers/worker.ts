import process from "node:process";

import { BerthError } from "../../oci/errors.js";
import { ROLE_VARIABLE, STOP, type WorkerReport, type WorkerRole } from "./worker-messages.js";

/** The primary's face in a worker. */
interface Worker {
  readonly role: WorkerRole;
  /** Resolves when the primary wants the worker to end. */
  readonly stopped: Promise<void>;
  serving(url: string): void;
  failed(error: unknown): void;
  /** The process ends, also when something forgotten would keep it. */
  leave(): Promise<void>;
}

const LEAVE_TIMEOUT_MS = 1000;

/** Undefined in a process that no primary has forked. */
export function ownWorker(): Worker | undefined {
  const role = process.env[ROLE_VARIABLE];
  if (role === undefined || process.send === undefined) return undefined;
  const report = (message: WorkerReport): void => {
    process.send?.(message);
  };
  return {
    role: JSON.parse(role) as WorkerRole,
    stopped: new Promise((resolve) => {
      process.on("message", (message) => {
        if (message === STOP) resolve();
      });
    }),
    serving: (url) => {
      report({ kind: "serving", url });
    },
    failed: (error) => {
      const code = error instanceof BerthError ? error.code : "STORAGE";
      report({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
    },
    leave: async () => {
      const { default: cluster } = await import("node:cluster");
      cluster.worker?.disconnect();
      setTimeout(() => process.exit(), LEAVE_TIMEOUT_MS).unref();
    },
  };
}
