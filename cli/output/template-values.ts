import { BerthError } from "../../oci/errors.js";

type TemplateFunction = (...values: readonly unknown[]) => unknown;

/** The functions of Go's text/template and of docker's `--format` that berth knows. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["and", (...values) => (values.every(isTrue) ? values.at(-1) : values.find((value) => !isTrue(value)))],
  ["eq", (first, ...others) => others.includes(first)],
  ["index", (value, ...keys) => keys.reduce(element, value)],
  ["join", (list, separator) => (Array.isArray(list) ? list.map(printed).join(String(separator)) : "")],
  ["json", (value) => JSON.stringify(value ?? null)],
  ["len", (value) => lengthOf(value)],
  ["lower", (value) => printed(value).toLowerCase()],
  ["ne", (first, second) => first !== second],
  ["not", (value) => !isTrue(value)],
  ["or", (...values) => values.find(isTrue) ?? values.at(-1)],
  ["print", (...values) => values.map(printed).join("")],
  ["println", (...values) => `${values.map(printed).join(" ")}\n`],
  ["split", (value, separator) => printed(value).split(String(separator))],
  ["truncate", (value, length) => printed(value).slice(0, Number(length))],
  ["upper", (value) => printed(value).toUpperCase()],
]);

/** As Go's %v prints it: lists `[a b]`, objects `map[name:value]`. */
export function printed(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(printed).join(" ")}]`;
  if (isObject(value)) {
    const names = Object.keys(value).sort();
    return `map[${names.map((name) => `${name}:${printed(value[name])}`).join(" ")}]`;
  }
  return value === undefined || value === null ? "<no value>" : JSON.stringify(value);
}

/** Go's truth: not false, zero, empty or absent. */
export function isTrue(value: unknown): boolean {
  return Array.isArray(value) || isObject(value) ? lengthOf(value) > 0 : Boolean(value);
}

/** `.name` of a value; of one that is absent, absent. @throws BerthError USAGE for a field that is not there */
export function fieldOf(value: unknown, name: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (isObject(value) && Object.hasOwn(value, name)) return value[name];
  const names = isObject(value) ? `: it has ${Object.keys(value).join(", ")}` : "";
  throw new BerthError("USAGE", `--format: there is no field .${name}${names}`);
}

/** Of a list with its positions, of an object in the order of its names. */
export function entriesOf(value: unknown): (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item: unknown, i) => [i, item] as const);
  if (!isObject(value)) return [];
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function element(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isObject(value) && Object.hasOwn(value, String(key)) ? value[String(key)] : "";
}

function lengthOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
