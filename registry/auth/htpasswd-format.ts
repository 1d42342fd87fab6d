import { isLocalName } from "./identity.js";

/** By 2^cost: beyond this, one check takes a minute. */
const MAX_COST = 20;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

export interface Htpasswd {
  /** Bcrypt hash by name. */
  readonly users: ReadonlyMap<string, string>;
  /** Lines that do not count, and why. */
  readonly problems: readonly string[];
}

/** Apache's format, `name:hash`, with bcrypt hashes alone: the others are too cheap to guess. */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const problem = problemOf(line, users);
    if (problem !== undefined) problems.push(`line ${String(index + 1)}: ${problem}`);
    else users.set(nameOf(line), line.slice(line.indexOf(":") + 1).trim());
  }
  return { users, problems };
}

function problemOf(line: string, users: ReadonlyMap<string, string>): string | undefined {
  if (!line.includes(":")) return "is not name:hash";
  const name = nameOf(line);
  if (!isLocalName(name)) return "the name has other characters than letters, digits and . _ @ + -";
  if (users.has(name)) return `${name} is there already`;
  const [, cost] = BCRYPT.exec(line.slice(line.indexOf(":") + 1).trim()) ?? [];
  if (cost === undefined) return `the hash of ${name} is no bcrypt`;
  if (Number(cost) < 4 || Number(cost) > MAX_COST)
    return `the hash of ${name} has a cost outside of 4 to ${String(MAX_COST)}`;
  return undefined;
}

/** The file's text with the user added or changed; other lines stay as they are. */
export function withUser(text: string, name: string, hash: string): string {
  const line = `${name}:${hash}`;
  const lines = linesOf(text);
  const at = lines.findIndex((one) => nameOf(one) === name);
  const others = lines.filter((one, index) => index === at || nameOf(one) !== name);
  if (at < 0) others.push(line);
  else others[at] = line;
  return `${others.join("\n")}\n`;
}

/** The file's text without the user; undefined when it has no such user. */
export function withoutUser(text: string, name: string): string | undefined {
  const lines = linesOf(text);
  const others = lines.filter((one) => nameOf(one) !== name);
  return others.length === lines.length ? undefined : others.map((line) => `${line}\n`).join("");
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function nameOf(line: string): string {
  return line.startsWith("#") || !line.includes(":") ? "" : line.slice(0, line.indexOf(":"));
}
