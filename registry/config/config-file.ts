import { readFileSync } from "node:fs";

import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, type Node } from "yaml";

export interface Settings {
  [name: string]: unknown;
}

/** A file of settings as it was written. */
export interface ConfigFile {
  readonly settings: Settings;
  /** What keeps it from being read, one a line, with its place. */
  readonly problems: readonly string[];
  /** The line of a setting, or of the innermost section around it that is there. */
  lineOf(path: readonly (string | number)[]): number;
}

/** A file that cannot be read has problems and no settings. */
export function readConfigFile(file: string): ConfigFile {
  const unreadable = (...problems: string[]): ConfigFile => ({ settings: {}, problems, lineOf: () => 1 });
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    return unreadable(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    return unreadable(...document.errors.map(({ message, pos }) => `${file}:${String(lineAt(pos[0]))}: ${message}`));
  }
  let content: unknown;
  try {
    content = document.toJS() ?? {};
  } catch (cause) {
    // Aliases that unfold to a great deal more than was written.
    return unreadable(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!isSettings(content)) return unreadable(`${file}: is not a mapping of settings`);
  return {
    settings: content,
    problems: [],
    lineOf: (path) => lineAt(offsetOf(document.contents, path)),
  };
}

export function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the key of the setting begins, or what comes nearest to it. */
function offsetOf(root: Node | null, path: readonly (string | number)[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (pair === undefined) break;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset;
}
