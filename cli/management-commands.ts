const IMAGE_VERBS = "history import load pull push tag".split(" ");
const CONTAINER_VERBS =
  "attach commit create diff exec export kill logs pause rename restart rm run start stop unpause wait".split(" ");

const same = (verbs: readonly string[]): [string, readonly string[]][] => verbs.map((verb) => [verb, [verb]]);

/** Docker's longer names of the same verbs, such as `image ls`. */
const GROUPS: Readonly<Record<string, ReadonlyMap<string, readonly string[]>>> = {
  image: new Map([
    ...same(IMAGE_VERBS),
    ["inspect", ["inspect", "--type", "image"]],
    ["list", ["images"]],
    ["ls", ["images"]],
    ["rm", ["rmi"]],
  ]),
  container: new Map([
    ...same(CONTAINER_VERBS),
    ["inspect", ["inspect", "--type", "container"]],
    ["list", ["ps"]],
    ["ls", ["ps"]],
    ["ps", ["ps"]],
  ]),
};

/** `args` from the verb on, with `image VERB` and `container VERB` as berth's own verb. */
export function shortVerb(args: readonly string[]): readonly string[] {
  const [group = "", verb = "", ...rest] = args;
  const short = Object.hasOwn(GROUPS, group) ? GROUPS[group]?.get(verb) : undefined;
  return short === undefined ? args : [...short, ...rest];
}
