import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { parse } from "yaml";

import { loadServableConfig } from "../../../registry/config/load-config.js";
import { PROJECT } from "../../helpers/project.js";
import { blocksOf } from "./guide.js";

interface ComposeService {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

const DEPLOY = join(PROJECT, "deploy");

function fileOf(name: string): string {
  return readFileSync(join(DEPLOY, name), "utf8");
}

describe("deploy/", () => {
  it("has the files that the guide shows, as it shows them", () => {
    const shown = blocksOf("self-hosting.md").filter(({ about }) => about.startsWith("deploy/"));
    assert.ok(shown.length > 0);
    for (const { about, text } of shown) assert.equal(text, readFileSync(join(PROJECT, about), "utf8"), about);
    const linked = readFileSync(join(PROJECT, "docs/self-hosting.md"), "utf8").matchAll(/\]\((\.\.\/deploy\/[^)]*)\)/g);
    for (const [, path = ""] of linked) assert.ok(existsSync(join(PROJECT, "docs", path)), path);
  });

  it("gives check-config nothing to say, also with the environment of the unit and of the containers", async () => {
    const { services } = parse(fileOf("compose.yaml"), { merge: true }) as { services: Record<string, ComposeService> };
    const example = fileOf("registry.env.example").matchAll(/^(\w+)=(.*)$/gm);
    const environments: Readonly<Record<string, string>>[] = [
      {},
      Object.fromEntries([...example].map(([, name = "", value = ""]) => [name, value])),
      ...["berth-1", "berth-2", "admin"].map((name) => services[name]?.environment ?? assert.fail(name)),
    ];
    for (const given of environments) {
      const env = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, value.replace(/\$\{.*\}/, "x".repeat(40))]),
      );
      for (const name of ["registry.yaml", "mirror.yaml"]) {
        // Without the keys' secret, which is never in a file.
        const withSecret = { BERTH_REGISTRY_AUTH_KEYS_SECRET: "x".repeat(40), ...env };
        await loadServableConfig({ file: join(DEPLOY, name), env: withSecret, flags: {} }, { syntaxOnly: true });
      }
    }
  });

  it("has what compose.yaml mounts and builds", () => {
    const { services } = parse(fileOf("compose.yaml"), { merge: true }) as { services: Record<string, ComposeService> };
    const made = new Set(["./etc/berth", "./etc/tls"]);
    for (const { volumes = [], build } of Object.values(services)) {
      const sources = volumes.map((volume) => volume.split(":")[0] ?? "").filter((source) => source.startsWith("."));
      for (const source of sources) assert.ok(made.has(source) || existsSync(join(DEPLOY, source)), source);
      if (build !== undefined) assert.ok(existsSync(join(DEPLOY, build.context, build.dockerfile)));
    }
  });

  it("copies into the image what the project's build makes", () => {
    const copied = fileOf("Containerfile").matchAll(/^COPY --from=build (.*) \S+$/gm);
    const paths = [...copied].flatMap(([, sources = ""]) => sources.split(" "));
    assert.ok(paths.length > 0);
    for (const path of paths) {
      assert.ok(existsSync(join(PROJECT, path.replace("/src/", ""))), `${path} (built by ${process.version})`);
    }
  });
});
