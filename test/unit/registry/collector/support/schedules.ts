import { setImmediate as nextTurn } from "node:timers/promises";

import { areDependent, ObjectTable, SteppedStore, type Step } from "./stepped-store.js";

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
  /** Explored from elsewhere already: a run that began with one of them would only repeat another in another order. */
  readonly asleep: Map<string, Choice>;
  readonly tried: Map<string, Choice>;
  chosen: Choice;
}

/**
 * Plays every schedule that can make a difference: depth first, with sleep sets, so that of two steps that do not touch the
 * same objects one order is enough.
 * @returns how many runs it took; `limit` when that was not enough
 */
export async function playAll(scenario: Scenario, deaths: number, limit: number): Promise<number> {
  const path: Node[] = [];
  for (let runs = 1; ; runs++) {
    let depth = 0;
    let asleep = new Map<string, Choice>();
    await play(scenario, deaths, true, (choices) => {
      let node = path[depth];
      if (node === undefined) {
        const chosen = choices.find((choice) => !asleep.has(nameOf(choice)));
        if (chosen === undefined) return undefined;
        node = { choices, asleep, tried: new Map(), chosen };
        path.push(node);
      }
      depth++;
      const { chosen } = node;
      asleep = new Map([...node.asleep, ...node.tried].filter(([, other]) => !interfere(other, chosen)));
      return chosen;
    });
    if (runs >= limit || !backtrack(path)) return runs;
  }
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

function interfere(a: Choice, b: Choice): boolean {
  if (a.kills && b.kills) return true;
  return a.actor === b.actor || (!a.kills && !b.kills && areDependent(a, b));
}

function backtrack(path: Node[]): boolean {
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    const { choices, asleep, tried, chosen } = node;
    tried.set(nameOf(chosen), chosen);
    const next = choices.find((choice) => !asleep.has(nameOf(choice)) && !tried.has(nameOf(choice)));
    if (next !== undefined) {
      node.chosen = next;
      return true;
    }
    path.pop();
  }
  return false;
}

function nameOf({ actor, number, kills }: Choice): string {
  return `${actor} ${String(number)} ${kills ? "dies" : ""}`;
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
