import { statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import type { Logger } from "pino";

import { isBerthError } from "../../oci/errors.js";
import { fileStamp } from "../file-stamp.js";
import type { RegistryConfig } from "./schema.js";

export interface ConfigReloadOptions {
  /** With which the registry was started. */
  readonly config: RegistryConfig;
  /** Reads the configuration again. @throws BerthError CONFIG_INVALID */
  load(): Promise<RegistryConfig>;
  /** Takes it into use. @throws when it cannot, and then everything stays as it was */
  apply(config: RegistryConfig): Promise<void>;
  /** Looked at now and then for a change. */
  readonly file?: string;
  readonly log: Logger;
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 2000;

/** Takes a changed configuration into use while the registry runs. A wrong one is told of, and the one in force stays. */
export class ConfigReload {
  #running: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ConfigReloadOptions) {
    const { file, intervalMs = DEFAULT_INTERVAL_MS } = options;
    if (file === undefined) return;
    // By looking and not by inotify: the file may be replaced, or be a link into a directory that is replaced. And not by
    // fs.watchFile, whose first look comes later: a change before it would never be seen.
    let seen = stateOf(file);
    this.#timer = setInterval(() => {
      const state = stateOf(file);
      if (state === seen) return;
      seen = state;
      void this.reload();
    }, intervalMs).unref();
  }

  /** For a change between the start's reading and now, which no look at the file's state can tell. Never rejects. */
  async catchUp(): Promise<void> {
    const now = await this.options.load().catch(() => undefined);
    if (!isDeepStrictEqual(now, this.options.config)) await this.reload();
  }

  /** One after the other. Never rejects. */
  async reload(): Promise<void> {
    this.#running = this.#running.then(async () => await this.#reload());
    await this.#running;
  }

  /** Resolves when a reload under way has ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #reload(): Promise<void> {
    const { log } = this.options;
    try {
      const config = await this.options.load();
      await this.options.apply(config);
      const stale = needRestart(this.options.config, config);
      log.info("the configuration was read again");
      if (stale.length > 0) log.warn({ settings: stale }, "these settings have changed, and need a restart");
    } catch (error) {
      const problems = isBerthError(error, "CONFIG_INVALID") ? error.details["problems"] : undefined;
      const said = Array.isArray(problems) ? (problems as unknown[]) : [error];
      for (const problem of said) {
        const about = problem instanceof Error ? { err: problem } : { problem };
        log.error(about, "the changed configuration is wrong: the one in force stays");
      }
    }
  }
}

/** What is different when the file was written or replaced. */
function stateOf(file: string): string {
  try {
    return fileStamp(statSync(file, { bigint: true }));
  } catch {
    // Perhaps about to be replaced; a file that stays away is told of by the reload.
    return "";
  }
}

/** Names of the settings and sections that `apply` does not take into use. */
function needRestart(before: RegistryConfig, after: RegistryConfig): string[] {
  const withoutReloadable = (config: RegistryConfig): Readonly<Record<string, unknown>> => ({
    ...config,
    auth: config.auth === undefined,
    policies: undefined,
    webhooks: undefined,
    mirrors: config.mirrors.spool,
    limits: { ...config.limits, rate: undefined },
    log: { ...config.log, level: undefined },
  });
  const [old, fresh] = [withoutReloadable(before), withoutReloadable(after)];
  return Object.keys({ ...old, ...fresh }).filter((name) => !isDeepStrictEqual(old[name], fresh[name]));
}
