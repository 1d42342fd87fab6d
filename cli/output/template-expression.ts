import { BerthError } from "../../oci/errors.js";
import { fieldOf, TEMPLATE_FUNCTIONS } from "./template-values.js";

/** What an expression sees: `.`, and the variables with their `$`; `$` itself is what the template was given. */
export interface TemplateScope {
  readonly dot: unknown;
  readonly variables: ReadonlyMap<string, unknown>;
}

export type Evaluate = (scope: TemplateScope) => unknown;

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?\d+(?:\.\d+)?)(?![\w.])|([()|])|(\$\w*|[A-Za-z_]\w*)?((?:\.\w+)+|\.)?)/y;

/** `.A.B`, `"text"`, `len .A`, `.A | json`, `index .A (len .B)`, `$name.A`. @throws BerthError USAGE */
export function parseExpression(text: string): Evaluate {
  const reader = new TokenReader(text);
  const evaluate = pipeline(reader);
  if (!reader.atEnd()) throw invalidTemplate(text);
  return evaluate;
}

export function invalidTemplate(text: string): BerthError {
  return new BerthError("USAGE", `--format: ${JSON.stringify(text)} is not understood`);
}

type Token =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "mark"; readonly text: string }
  | { readonly kind: "path"; readonly head: string; readonly fields: readonly string[] };

class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(readonly text: string) {
    this.#tokens = tokensOf(text);
  }

  atEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** The next token, unless it is one of these marks. */
  takeOperand(): Token | undefined {
    const token = this.#tokens[this.#next];
    if (token === undefined || (token.kind === "mark" && token.text !== "(")) return undefined;
    this.#next++;
    return token;
  }

  takeMark(mark: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "mark" || token.text !== mark) return false;
    this.#next++;
    return true;
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const source = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const [whole = "", quoted, number, mark, head = "", path = ""] = TOKEN.exec(source) ?? [];
    if (whole === "") throw invalidTemplate(text);
    if (quoted !== undefined) tokens.push({ kind: "literal", value: unquoted(quoted, text) });
    else if (number !== undefined) tokens.push({ kind: "literal", value: Number(number) });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
    else tokens.push({ kind: "path", head, fields: path.split(".").filter(Boolean) });
  }
  return tokens;
}

function unquoted(text: string, template: string): string {
  if (text.startsWith("`")) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    throw invalidTemplate(template);
  }
}

/** The value of each command is the last argument of the next. */
function pipeline(reader: TokenReader): Evaluate {
  let evaluate = command(reader, undefined);
  while (reader.takeMark("|")) evaluate = command(reader, evaluate);
  return evaluate;
}

function command(reader: TokenReader, piped: Evaluate | undefined): Evaluate {
  const first = reader.takeOperand();
  if (first === undefined) throw invalidTemplate(reader.text);
  const isCall = first.kind === "path" && first.fields.length === 0 && /^[A-Za-z_]/.test(first.head);
  const call =
    isCall && !["true", "false", "nil"].includes(first.head) ? TEMPLATE_FUNCTIONS.get(first.head) : undefined;
  const operands: Evaluate[] = call === undefined ? [operand(reader, first)] : [];
  for (let next = reader.takeOperand(); next !== undefined; next = reader.takeOperand()) {
    operands.push(operand(reader, next));
  }
  if (piped !== undefined) operands.push(piped);
  if (call !== undefined) return (scope) => call(...operands.map((evaluate) => evaluate(scope)));
  const [only, another] = operands;
  if (only === undefined || another !== undefined) throw invalidTemplate(reader.text);
  return only;
}

function operand(reader: TokenReader, token: Token): Evaluate {
  if (token.kind === "literal") return () => token.value;
  if (token.kind === "mark") {
    const inner = pipeline(reader);
    if (!reader.takeMark(")")) throw invalidTemplate(reader.text);
    return inner;
  }
  const { head, fields } = token;
  if (head === "true" || head === "false") return () => head === "true";
  if (head === "nil") return () => undefined;
  if (head !== "" && !head.startsWith("$")) {
    const known = [...TEMPLATE_FUNCTIONS.keys()].join(", ");
    throw new BerthError("USAGE", `--format: there is no function ${JSON.stringify(head)}: use ${known}`);
  }
  return ({ dot, variables }) => fields.reduce(fieldOf, head === "" ? dot : variables.get(head));
}
