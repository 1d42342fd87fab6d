import { setImmediate as nextTurn } from "node:timers/promises";

import { areDependent, isRead, ObjectTable, SteppedStore, type Step } from "./stepped-store.js";

export interface Scenario {
  /** Before each run. */
  readonly begin: () => void;
  /** What the table holds at first. */
  readonly table: ReadonlyMap<string, Buffer>;
  /** Each is a process of its own. What it throws ends it. */
  readonly actors: Readonly<Record<string, (store: SteppedStore) => Promise<void>>>;
  /** Looks at the table after each step. */
  readonly check: (table: ObjectTable) => void;
  /** At the end of each run. */
  readonly finish: (table: ObjectTable) => Promise<void>;
}

/** A step of the schedule, or the death of an actor. */
type Choice = Pick<Step, "actor" | "number" | "verb" | "key"> & { readonly kills?: true };

/** Picks one of what may come next; undefined ends the run without a verdict. */
type Chooser = (choices: readonly Choice[]) => Choice | undefined;

/** One run. The actors' next steps are offered to `choose` until all have ended or died. */
async function play(scenario: Scenario, deaths: number, inOrder: boolean, choose: Chooser): Promise<Choice[]> {
  const table = new ObjectTable();
  scenario.begin();
  for (const [key, bytes] of scenario.table) table.objects.set(key, bytes);
  let offered: Step[] = [];
  const running = Object.entries(scenario.actors).map(async ([name, act]) => {
    await act(new SteppedStore(table, name, (step) => offered.push(step)));
  });
  // Those of the dead never settle.
  for (const actor of running) actor.catch(() => undefined);
  const trace: Choice[] = [];
  for (;;) {
    await nextTurn();
    if (offered.length === 0) break;
    const steps = inOrder ? firstOfEach(offered) : offered;
    const choices: Choice[] = [...steps];
    if (deaths > 0) for (const { actor, number } of firstOfEach(offered)) choices.push(death(actor, number));
    const choice = choose(choices);
    if (choice === undefined) return trace;
    trace.push(choice);
    const { actor, number } = choice;
    if (choice.kills) {
      deaths--;
      offered = offered.filter((step) => step.actor !== actor);
      continue;
    }
    const step = offered.find((it) => it.actor === actor && it.number === number);
    offered = offered.filter((it) => it !== step);
    step?.run();
    if (isRead(choice)) continue;
    try {
      scenario.check(table);
    } catch (error) {
      throw withTrace(error, trace);
    }
  }
  try {
    await scenario.finish(table);
  } catch (error) {
    throw withTrace(error, trace);
  }
  return trace;
}

/** An actor's steps that wait at the same time are taken one after another. */
function firstOfEach(steps: readonly Step[]): Step[] {
  const first = new Map<string, Step>();
  for (const step of steps) if (!first.has(step.actor)) first.set(step.actor, step);
  return [...first.values()];
}

function death(actor: string, number: number): Choice {
  return { actor, number, verb: "stat", key: "", kills: true };
}

function withTrace(error: unknown, trace: readonly Choice[]): Error {
  const lines = trace.map(({ actor, verb, key, kills }) => `  ${actor}: ${kills ? "dies" : `${verb} ${key}`}`);
  return new Error(`${error instanceof Error ? error.message : String(error)}\nafter\n${lines.join("\n")}`, {
    cause: error,
  });
}

interface Node {
  readonly choices: readonly Choice[];
  next: number;
}

interface Bounds {
  /** How often an actor may be stopped though it could go on. */
  readonly preemptions: number;
  readonly deaths: number;
}

/**
 * Plays every schedule within the bounds, depth first. An actor is stopped, or dies, only before a step that changes something
 * or sees what another may change: anywhere else it would make no difference.
 * @returns how many runs it took
 */
export async function playAll(scenario: Scenario, { preemptions, deaths }: Bounds): Promise<number> {
  const path: Node[] = [];
  const writes = new Map<string, Choice>();
  for (let runs = 1; ; runs++) {
    let depth = 0;
    let current: string | undefined;
    let stopped = 0;
    const trace = await play(scenario, deaths, true, (all) => {
      const own = all.find(({ actor, kills }) => actor === current && kills !== true);
      let node = path[depth];
      if (node === undefined) {
        node = { choices: own === undefined ? all : choicesOf(own, all, stopped < preemptions, writes), next: 0 };
        path.push(node);
      }
      depth++;
      const chosen = node.choices[node.next];
      if (own !== undefined && chosen?.actor !== current) stopped++;
      current = chosen?.actor;
      return chosen;
    });
    for (const choice of trace) if (!isRead(choice)) writes.set(`${choice.actor} ${choice.key}`, choice);
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      if (++node.next < node.choices.length) break;
      path.pop();
    }
    if (path.length === 0) return runs;
  }
}

/** The actor goes on, or where it matters another one does, or it dies. */
function choicesOf(
  own: Choice,
  all: readonly Choice[],
  mayStop: boolean,
  writes: ReadonlyMap<string, Choice>,
): readonly Choice[] {
  const isVisible =
    !isRead(own) || [...writes.values()].some((write) => write.actor !== own.actor && areDependent(write, own));
  if (!isVisible) return [own];
  const others = all.filter(({ actor, kills }) => (kills ? actor === own.actor : actor !== own.actor && mayStop));
  return [own, ...others];
}

/** Plays that many schedules drawn by chance. */
export async function playSome(scenario: Scenario, deaths: number, seeds: Iterable<number>): Promise<void> {
  for (const seed of seeds) {
    const random = generator(seed);
    await play(scenario, deaths, false, (choices) => {
      // Deaths are drawn seldom, or every run would end early.
      const likely = choices.filter(({ kills }) => kills !== true || random() < 0.03);
      const from = likely.length > 0 ? likely : choices;
      return from[Math.floor(random() * from.length)];
    });
  }
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
