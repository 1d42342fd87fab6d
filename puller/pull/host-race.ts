/** One candidate's part in a race. */
export interface Lane {
  /** Ends when another candidate has won, or the race is called off. */
  readonly signal: AbortSignal;
  /** Stops all others. @returns false when another one has done so before: then nothing may be taken from this one */
  claim(): boolean;
}

export interface RaceRules<C> {
  /** Settles when the candidate has had its time and the next one shall be asked as well. Must end with the signal. */
  headStart(candidate: C, signal: AbortSignal): Promise<void>;
  /** What a failure means. Throws what ends the race. */
  failed(candidate: C, error: unknown): void;
  /** Another one was quicker. */
  passedOver(candidate: C, winner: C): void;
  readonly signal?: AbortSignal | undefined;
}

interface Outcome<T> {
  readonly error?: unknown;
  readonly answer?: T;
  readonly hasAnswered: boolean;
}

class Runner<C, T> implements Lane {
  readonly signal: AbortSignal;
  readonly ended: Promise<{ readonly runner: Runner<C, T>; readonly outcome: Outcome<T> }>;
  readonly headStartOver: Promise<undefined>;
  readonly #stop = new AbortController();

  constructor(
    readonly candidate: C,
    ask: (candidate: C, lane: Lane) => Promise<T>,
    rules: RaceRules<C>,
    private readonly claiming: (runner: Runner<C, T>) => boolean,
  ) {
    const { signal } = this.#stop;
    this.signal = rules.signal === undefined ? signal : AbortSignal.any([signal, rules.signal]);
    this.ended = ask(candidate, this)
      .then(
        (answer): Outcome<T> => ({ answer, hasAnswered: true }),
        (error: unknown): Outcome<T> => ({ error, hasAnswered: false }),
      )
      .then((outcome) => ({ runner: this, outcome }));
    this.headStartOver = rules.headStart(candidate, this.signal).then(() => undefined);
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  claim(): boolean {
    return !this.isStopped && this.claiming(this);
  }

  stop(): void {
    this.#stop.abort();
  }
}

/**
 * Asks candidates in order: the next one when those before have failed, or when they have had their head start and are still
 * silent. The first answer counts. One that has claimed the race and then fails leaves it to the others.
 * @throws what `failed` throws; the failure of the last candidate when all have failed
 */
export async function firstToAnswer<C, T>(
  candidates: readonly C[],
  ask: (candidate: C, lane: Lane) => Promise<T>,
  rules: RaceRules<C>,
): Promise<T> {
  const idle = [...candidates];
  const running = new Set<Runner<C, T>>();
  const silent = new Set<C>();
  let newest: Runner<C, T> | undefined;
  let claimant: Runner<C, T> | undefined;
  let lastFailure: unknown;

  const claiming = (runner: Runner<C, T>): boolean => {
    claimant ??= runner;
    for (const other of running) if (other !== claimant) other.stop();
    return claimant === runner;
  };
  const begin = (candidate: C): void => {
    newest = new Runner(candidate, ask, rules, claiming);
    running.add(newest);
  };

  try {
    for (;;) {
      const next = running.size === 0 ? idle.shift() : undefined;
      if (next !== undefined) begin(next);
      if (running.size === 0) throw lastFailure;
      const mayJoin = claimant === undefined && idle.length > 0 && newest !== undefined;
      const event = await Promise.race([
        ...[...running].map(async ({ ended }) => await ended),
        ...(mayJoin && newest !== undefined ? [newest.headStartOver] : []),
      ]);
      if (event === undefined) {
        const joining = idle.shift();
        if (joining !== undefined) begin(joining);
        continue;
      }
      const { runner, outcome } = event;
      const { candidate } = runner;
      running.delete(runner);
      if (runner.isStopped) {
        // It may be needed yet.
        silent.add(candidate);
        idle.splice(0, idle.length, ...candidates.filter((one) => one === candidate || idle.includes(one)));
        continue;
      }
      runner.stop();
      if (outcome.hasAnswered) {
        for (const { candidate: other } of running) silent.add(other);
        silent.delete(candidate);
        for (const other of silent) rules.passedOver(other, candidate);
        return outcome.answer as T;
      }
      if (claimant === runner) claimant = undefined;
      rules.failed(candidate, outcome.error);
      if (candidate === candidates.at(-1)) lastFailure = outcome.error;
    }
  } finally {
    for (const runner of running) runner.stop();
  }
}
