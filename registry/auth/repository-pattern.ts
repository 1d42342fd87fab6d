import { isComponent } from "../../oci/reference.js";
import { matchesPattern } from "../policy/name-pattern.js";

const PATTERN = /^(?:[a-z0-9._/*?-]|\$\{user\})+$/;
const MAX_PATTERN_LENGTH = 255;
const USER = "${user}";
/** A backtracking expression takes time by the power of its wildcards, and clients choose the names. */
const MAX_EXPRESSION_WILDCARDS = 2;

/**
 * Whether the text is a pattern of repository names (../policy/name-pattern.ts), which here may hold `${user}`. One with an
 * empty component would hold for no name.
 */
export function isRepositoryPattern(text: string): boolean {
  return text.length <= MAX_PATTERN_LENGTH && PATTERN.test(text) && !/^\/|\/\/|\/$/.test(text);
}

/** Whether the pattern holds for every name. */
export function isEverything(pattern: string): boolean {
  return /^\*{2,}$/.test(pattern);
}

/**
 * What `matchesPattern` says, in less time for the usual patterns: they are looked at with every request.
 * @returns undefined when it holds for nothing: `user` cannot be a component of a name, and the pattern wants it to
 */
export function compileRepositoryPattern(pattern: string, user: string): ((name: string) => boolean) | undefined {
  if (pattern.includes(USER) && !isComponent(user)) return undefined;
  const whole = pattern.replaceAll(USER, user);
  const parts = whole.split(/(\*+|\?)/);
  if (parts.length > 2 * MAX_EXPRESSION_WILDCARDS + 1) return (name) => matchesPattern(whole, name);
  const expression = new RegExp(`^${parts.map(expressionOf).join("")}$`);
  return (name) => expression.test(name);
}

function expressionOf(part: string): string {
  if (part === "?") return "[^/]";
  if (part === "*") return "[^/]*";
  return part.startsWith("*") ? ".*" : part.replaceAll(/[.-]/g, "\\$&");
}
