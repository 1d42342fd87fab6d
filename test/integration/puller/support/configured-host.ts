import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseReference } from "../../../../oci/reference.js";
import { registryHosts } from "../../../../puller/hosts/registry-hosts.js";
import { pullImage } from "../../../../puller/pull/pull-image.js";
import { pushSource } from "../../../../puller/push/push-source.js";
import { startRegistry, type RegistryOptions, type RunningRegistry } from "../../../../registry/index.js";
import { smallImage, writeLayout, type SmallImage } from "../../../helpers/small-image.js";
import { StateRoot } from "../../../helpers/state-root.js";
import { PATIENT } from "./mirrored-pull.js";

/** A host with files of its own that say how registries are reached, an image to push, and registries that run on it. */
export class ConfiguredHost {
  readonly state = new StateRoot();
  readonly environment: NodeJS.ProcessEnv;
  readonly #running: RunningRegistry[] = [];

  private constructor(
    readonly directory: string,
    readonly image: SmallImage,
  ) {
    this.environment = { BERTH_CERTS_D: join(directory, "certs.d"), DOCKER_CONFIG: join(directory, "docker") };
  }

  static async create(): Promise<ConfiguredHost> {
    const image = await smallImage([
      [{ name: "a", content: "1" }],
      [{ name: "b", content: Buffer.alloc(200_000, "b") }],
    ]);
    const directory = mkdtempSync(join(tmpdir(), "berth-mirrors-"));
    writeLayout(image, join(directory, "layout"), "1");
    return new ConfiguredHost(directory, image);
  }

  async remove(): Promise<void> {
    for (const registry of this.#running) await registry.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
    await this.state.remove();
  }

  /** @returns host:port */
  async start(options: Partial<RegistryOptions> = {}): Promise<string> {
    const registry = await startRegistry({ root: mkdtempSync(join(this.directory, "registry-")), ...options });
    this.#running.push(registry);
    return registry.url.replace(/^https?:\/\//, "");
  }

  async stop(address: string): Promise<void> {
    await this.#running.find(({ url }) => url.endsWith(address))?.close();
  }

  /** A file of a registry's directory below certs.d. */
  write(registry: string, text: string, name = "hosts.toml"): void {
    mkdirSync(join(this.directory, "certs.d", registry), { recursive: true });
    writeFileSync(join(this.directory, "certs.d", registry, name), text);
  }

  writeDaemonJson(value: unknown): void {
    this.environment["BERTH_CONFIG"] = join(this.directory, "daemon.json");
    writeFileSync(this.environment["BERTH_CONFIG"], JSON.stringify(value));
  }

  async push(name: string): Promise<void> {
    const target = parseReference(name);
    const hosts = await registryHosts(target, this.environment);
    await pushSource(this.state.root, join(this.directory, "layout"), target, { hosts });
  }

  /** @returns the notes of which host served what */
  async pull(name: string, { root } = this.state): Promise<string[]> {
    const notes: string[] = [];
    const reference = parseReference(name);
    const hosts = await registryHosts(reference, this.environment);
    const { id } = await pullImage(root, reference, { hosts, headStarts: PATIENT, onNote: (note) => notes.push(note) });
    assert.equal(id, this.image.config);
    return notes;
  }
}
