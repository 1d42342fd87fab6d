import { BerthError } from "../../oci/errors.js";
import { configSchema } from "./schema.js";

type JsonSchema = Readonly<Record<string, unknown>>;
/** A schema or an action of valibot, as far as it describes itself. */
type Part = Readonly<Record<string, unknown>>;

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

/**
 * The configuration's schema for editors and other tools (JSON Schema 2020-12). It says less than the checks of the registry,
 * which a document can pass or fail for reasons that no schema tells.
 */
export function configJsonSchema(): JsonSchema {
  return { $schema: DRAFT, title: "Configuration of berth registry serve", ...convert(configSchema) };
}

function convert(schema: unknown): JsonSchema {
  const part = partOf(schema);
  if (!Array.isArray(part["pipe"])) return base(part);
  const [first, ...actions] = part["pipe"] as readonly unknown[];
  const whole = convert(first);
  const isList = whole["type"] === "array";
  return Object.assign({}, whole, ...actions.map((action) => refinement(partOf(action), isList))) as JsonSchema;
}

function base(part: Part): JsonSchema {
  switch (part["type"]) {
    case "strict_object":
      return object(partOf(part["entries"]));
    case "optional": {
      const value = part["default"];
      return { ...convert(part["wrapped"]), ...(isTold(value) && { default: value }) };
    }
    case "array":
      return { type: "array", items: convert(part["item"]) };
    case "record":
      return { type: "object", propertyNames: convert(part["key"]), additionalProperties: convert(part["value"]) };
    case "union":
      return { anyOf: (part["options"] as readonly unknown[]).map(convert) };
    case "picklist":
      return { enum: part["options"] };
    case "literal":
      return { const: part["literal"] };
    case "string":
    case "number":
    case "boolean":
      return { type: part["type"] };
    default:
      throw new BerthError("UNSUPPORTED", `no JSON schema is known for settings of the type ${String(part["type"])}`);
  }
}

function object(entries: Part): JsonSchema {
  const names = Object.keys(entries);
  const required = names.filter((name) => partOf(entries[name])["type"] !== "optional");
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(names.map((name) => [name, convert(entries[name])])),
    ...(required.length > 0 && { required }),
  };
}

/** What an action says beyond the type; checks that only code can make say nothing. */
function refinement({ type, requirement }: Part, isList: boolean): JsonSchema {
  switch (type) {
    case "safe_integer":
    case "integer":
      return { type: "integer" };
    case "min_value":
      return { minimum: requirement };
    case "max_value":
      return { maximum: requirement };
    case "non_empty":
      return isList ? { minItems: 1 } : { minLength: 1 };
    case "min_length":
      return isList ? { minItems: requirement } : { minLength: requirement };
    case "max_length":
      return isList ? { maxItems: requirement } : { maxLength: requirement };
    case "regex":
      // Flags have no place in JSON Schema.
      return requirement instanceof RegExp && requirement.flags === "" ? { pattern: requirement.source } : {};
    case "url":
      return { format: "uri" };
    default:
      return {};
  }
}

/** A section's default is that of each of its settings. */
function isTold(value: unknown): boolean {
  return value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

function partOf(value: unknown): Part {
  return typeof value === "object" && value !== null ? (value as Part) : {};
}
