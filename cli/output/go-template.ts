import { BerthError } from "../../oci/errors.js";
import { invalidTemplate, parseExpression, type Evaluate, type TemplateScope } from "./template-expression.js";
import { entriesOf, isTrue, printed } from "./template-values.js";

type Render = (scope: TemplateScope) => string;

/** `{{- ... -}}`: a dash takes the white space beside it away. */
const ACTION = /(\s*\{\{-\s|\{\{)((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`}]|\}(?!\}))*?)(\s-\}\}\s*|\}\})/g;
const RANGE = /^range(?:\s+(?:(\$\w+)\s*,\s*)?(\$\w+)\s*:=)?\s*(.*)$/s;

interface Part {
  readonly text: string;
  readonly isAction: boolean;
}

/**
 * The part of Go's text/template that docker's `--format` is used with: fields, functions, `if`, `else`, `with`, `range`, `end`.
 * @returns what renders a value
 * @throws BerthError USAGE
 */
export function parseTemplate(text: string): (data: unknown) => string {
  const parts = new PartReader(partsOf(text));
  const render = sequence(parts);
  if (parts.peek() !== undefined) throw new BerthError("USAGE", "--format: an {{end}} or {{else}} has no beginning");
  return (data) => render({ dot: data, variables: new Map([["$", data]]) });
}

class PartReader {
  #next = 0;
  constructor(private readonly parts: readonly Part[]) {}
  peek(): Part | undefined {
    return this.parts[this.#next];
  }
  take(): Part | undefined {
    return this.parts[this.#next++];
  }
}

function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(ACTION)) {
    parts.push(
      { text: text.slice(at, match.index), isAction: false },
      { text: (match[2] ?? "").trim(), isAction: true },
    );
    at = match.index + match[0].length;
  }
  parts.push({ text: text.slice(at), isAction: false });
  const broken = parts.find((part) => !part.isAction && part.text.includes("{{"));
  if (broken !== undefined) throw invalidTemplate(broken.text);
  return parts.filter((part) => part.isAction || part.text !== "");
}

/** Up to the end, or to an `else` or `end`, which is left. */
function sequence(parts: PartReader): Render {
  const renders: Render[] = [];
  for (let part = parts.peek(); part !== undefined; part = parts.peek()) {
    if (part.isAction && /^(?:end|else\b.*)$/s.test(part.text)) break;
    parts.take();
    renders.push(part.isAction ? action(part.text, parts) : constant(part.text));
  }
  return (scope) => renders.map((render) => render(scope)).join("");
}

function constant(text: string): Render {
  return () => text;
}

function action(text: string, parts: PartReader): Render {
  if (text.startsWith("/*") && text.endsWith("*/")) return constant("");
  const [, word, condition = ""] = /^(if|with|range)\s(.*)$/s.exec(text) ?? [];
  if (word === undefined) {
    const evaluate = parseExpression(text);
    return (scope) => printed(evaluate(scope));
  }
  if (word === "range") return rangeOver(text, parts);
  return conditional(parseExpression(condition), word === "with", parts);
}

function conditional(evaluate: Evaluate, isWith: boolean, parts: PartReader): Render {
  const { body, otherwise } = branches(parts);
  return (scope) => {
    const value = evaluate(scope);
    if (!isTrue(value)) return otherwise(scope);
    return body(isWith ? { ...scope, dot: value } : scope);
  };
}

function rangeOver(text: string, parts: PartReader): Render {
  const [, key, item, list = ""] = RANGE.exec(text) ?? [];
  const evaluate = parseExpression(list);
  const { body, otherwise } = branches(parts);
  return (scope) => {
    const entries = entriesOf(evaluate(scope));
    if (entries.length === 0) return otherwise(scope);
    return entries
      .map(([position, value]) => {
        const variables = new Map(scope.variables);
        if (key !== undefined) variables.set(key, position);
        if (item !== undefined) variables.set(item, value);
        return body({ dot: value, variables });
      })
      .join("");
  };
}

/** What is between a beginning and its `end`. */
function branches(parts: PartReader): { readonly body: Render; readonly otherwise: Render } {
  const body = sequence(parts);
  const stop = parts.take()?.text;
  if (stop === undefined) throw new BerthError("USAGE", "--format: an {{end}} is missing");
  if (stop === "end") return { body, otherwise: constant("") };
  if (stop !== "else") return { body, otherwise: action(stop.replace(/^else\s+/, ""), parts) };
  const otherwise = sequence(parts);
  if (parts.take()?.text !== "end") throw new BerthError("USAGE", "--format: an {{end}} is missing");
  return { body, otherwise };
}
