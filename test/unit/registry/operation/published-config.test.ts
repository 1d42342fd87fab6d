import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";

import { configJsonSchema } from "../../../../registry/config/json-schema.js";
import { loadConfig } from "../../../../registry/config/load-config.js";
import { PROJECT } from "../../../helpers/project.js";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const EXAMPLE = readFileSync(join(PROJECT, "docs/registry.example.yaml"), "utf8");
const PUBLISHED = join(PROJECT, "docs/registry-config.schema.json");

/** `# text` is for people; what follows `#` otherwise is a setting, and `#~` an alternative. */
function uncommented(text: string, { alternatives }: { readonly alternatives: boolean }): string {
  return text
    .split("\n")
    .map((line) => {
      if (/^\s*#( \S.*)?$/.test(line)) return "";
      if (line.startsWith("#~")) return alternatives ? line.slice(2) : "";
      return line.startsWith("#") ? line.slice(1) : line;
    })
    .join("\n");
}

/** Paths of settings that the schema has and the document does not. */
function missing({ properties, items }: Schema, value: unknown, path: string): string[] {
  if (items !== undefined) {
    const all = Array.isArray(value) ? (value as unknown[]) : [];
    return missing(items, Object.assign({}, ...all.filter((one) => typeof one === "object")), `${path}[]`);
  }
  return Object.entries(properties ?? {}).flatMap(([name, schema]) => {
    const inner = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    const at = path === "" ? name : `${path}.${name}`;
    return inner === undefined ? [at] : missing(schema, inner, at);
  });
}

describe("what is published of the registry's configuration", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-published-"));
  });

  after(() => {
    rmSync(directory, { recursive: true });
  });

  const load = (text: string): unknown => {
    const file = join(directory, "registry.yaml");
    writeFileSync(file, text);
    return loadConfig({ file, env: {}, flags: {} });
  };

  it("has a JSON schema that is the code's (berth registry check-config --print-schema > docs/registry-config.schema.json)", () => {
    assert.deepEqual(JSON.parse(readFileSync(PUBLISHED, "utf8")), configJsonSchema());
  });

  it("has an example that holds as it is, and with every setting in use", () => {
    load(EXAMPLE);
    load(uncommented(EXAMPLE, { alternatives: false }));
  });

  it("has an example that leaves out no setting", () => {
    const everything: unknown = parse(uncommented(EXAMPLE, { alternatives: true }));
    assert.deepEqual(missing(configJsonSchema() as Schema, everything, ""), []);
  });

  it("has a schema that takes the example and refuses slips", () => {
    const check = new Ajv2020({ strict: true, validateFormats: false }).compile(configJsonSchema());
    for (const alternatives of [false, true]) {
      assert.ok(check(parse(uncommented(EXAMPLE, { alternatives }))), JSON.stringify(check.errors));
    }
    for (const wrong of [
      { listn: "x" },
      { log: { level: "loud" } },
      { http: { idleTimeoutSeconds: 0 } },
      { policies: [{}] },
      { policies: [{ repositories: [] }] },
      { webhooks: { endpoints: [{ name: "Bad Name", url: "http://x" }] } },
      { limits: { rate: { perAddress: {} } } },
      { workers: "many" },
    ]) {
      assert.equal(check(wrong), false, JSON.stringify(wrong));
      assert.throws(() => load(JSON.stringify(wrong)), JSON.stringify(wrong));
    }
  });
});
