import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Context, Middleware } from "koa";
import { parse } from "yaml";

import { PROJECT } from "../../../helpers/project.js";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly $ref?: string } & Answer>>;
}

interface Answer {
  readonly headers?: Readonly<Record<string, { readonly $ref?: string; readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation | undefined>>>>;
}

const DOCUMENT_ID = "openapi.yaml";
const VERBS = ["get", "head", "put", "post", "patch", "delete"];
/** Node's own, which say nothing of the API. */
const TRANSPORT = new Set(["date", "connection", "keep-alive", "content-type", "content-length", "transfer-encoding"]);

/** Read once for all recorders: every test has one. */
const DOCUMENT = parse(readFileSync(join(PROJECT, "openapi.yaml"), "utf8")) as OpenApi;
const AJV = new Ajv2020({ strict: false, validateFormats: false });
AJV.addSchema({ ...DOCUMENT, $id: DOCUMENT_ID });
const CHECKS = new Map<string, ValidateFunction>();

/** Holds what the real server answers against openapi.yaml, and remembers which of its answers were seen. */
export class OpenApiRecorder {
  readonly problems: string[] = [];
  readonly #seen = new Set<string>();
  readonly #operations = new Map<string, Operation>();
  readonly #document = DOCUMENT;
  readonly #ajv = AJV;

  constructor() {
    for (const path of Object.values(this.#document.paths)) {
      for (const verb of VERBS) {
        const operation = path[verb];
        if (operation !== undefined) this.#operations.set(operation.operationId, operation);
      }
    }
  }

  /** For `startRegistry`. */
  get observe(): Middleware {
    return async (ctx, next) => {
      ctx.res.once("finish", () => {
        this.#check(ctx);
      });
      await next();
    };
  }

  /** `operation status` of everything that openapi.yaml promises and no request has brought about. */
  get neverSeen(): string[] {
    const promised = [...this.#operations.values()].flatMap(({ operationId, responses }) =>
      Object.keys(responses).map((status) => `${operationId} ${status}`),
    );
    return promised.filter((answer) => !this.#seen.has(answer));
  }

  #check(ctx: Context): void {
    const name: unknown = ctx.state["operation"];
    // No route: a path or method that the API does not have.
    if (typeof name !== "string") return;
    const status = String(ctx.res.statusCode);
    const answer = this.#operations.get(name)?.responses[status];
    if (answer === undefined) {
      this.problems.push(`${name} answered ${status}, which openapi.yaml does not have`);
      return;
    }
    this.#seen.add(`${name} ${status}`);
    const { value, pointer } = this.#resolve<Answer>(answer, this.#pointerTo(name, status));
    this.#checkHeaders(`${name} ${status}`, ctx, value.headers ?? {}, pointer);
    this.#checkBody(`${name} ${status}`, ctx, value.content, pointer);
  }

  #checkHeaders(where: string, ctx: Context, headers: NonNullable<Answer["headers"]>, pointer: string): void {
    const sent = ctx.res.getHeaders();
    for (const [name, header] of Object.entries(headers)) {
      const { value, pointer: at } = this.#resolve<{ required?: boolean }>(
        header,
        `${pointer}/headers/${escape(name)}`,
      );
      const text = sent[name.toLowerCase()];
      if (text === undefined) {
        if (value.required) this.problems.push(`${where} has no ${name}`);
      } else {
        this.#validate(`${where} ${name}`, `${at}/schema`, Array.isArray(text) ? text.join(", ") : String(text));
      }
    }
    const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    for (const name of Object.keys(sent)) {
      if (!known.has(name) && !TRANSPORT.has(name)) this.problems.push(`${where} has an undescribed header ${name}`);
    }
  }

  #checkBody(where: string, ctx: Context, content: Answer["content"], pointer: string): void {
    const length = Number(ctx.res.getHeader("content-length") ?? 0);
    if (content === undefined) {
      if (ctx.method !== "HEAD" && length > 0) this.problems.push(`${where} has a body`);
      return;
    }
    const type = String(ctx.res.getHeader("content-type")).replace(/; boundary=.*$/, "");
    const key = type in content ? type : "*/*";
    const media = content[key];
    if (media === undefined) this.problems.push(`${where} is ${type}`);
    else if (media.schema !== undefined && Buffer.isBuffer(ctx.body)) {
      this.#validate(where, `${pointer}/content/${escape(key)}/schema`, JSON.parse(ctx.body.toString()));
    }
  }

  #validate(where: string, pointer: string, value: unknown): void {
    let check = CHECKS.get(pointer);
    if (check === undefined) {
      check = this.#ajv.compile({ $ref: `${DOCUMENT_ID}${pointer}` });
      CHECKS.set(pointer, check);
    }
    if (check(value)) return;
    this.problems.push(`${where}: ${this.#ajv.errorsText(check.errors)} in ${JSON.stringify(value).slice(0, 300)}`);
  }

  #resolve<T>(value: object, pointer: string): { value: T; pointer: string } {
    const reference = "$ref" in value ? value.$ref : undefined;
    if (typeof reference !== "string") return { value: value as T, pointer };
    let target: unknown = this.#document;
    for (const part of reference.slice(2).split("/")) target = (target as Record<string, unknown>)[part];
    return { value: target as T, pointer: reference };
  }

  #pointerTo(name: string, status: string): string {
    for (const [path, verbs] of Object.entries(this.#document.paths)) {
      const verb = VERBS.find((verb) => verbs[verb]?.operationId === name);
      if (verb !== undefined) return `#/paths/${escape(path)}/${verb}/responses/${status}`;
    }
    throw new Error(`openapi.yaml has no ${name}`);
  }
}

/** A part of a JSON pointer in a URI fragment. */
function escape(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
