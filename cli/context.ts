/** Where berth keeps its state: flags > environment > defaults. */
export interface CliContext {
  /** --root, BERTH_ROOT, /var/lib/berth */
  readonly root: string;
  /** BERTH_RUN, /run/berth */
  readonly runRoot: string;
}

export const DEFAULT_ROOT = "/var/lib/berth";
export const DEFAULT_RUN_ROOT = "/run/berth";
