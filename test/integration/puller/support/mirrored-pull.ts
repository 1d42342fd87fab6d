import assert from "node:assert/strict";
import { once } from "node:events";

import type { Digest } from "../../../../oci/digest.js";
import { parseReference } from "../../../../oci/reference.js";
import type { Capability, RegistryHost } from "../../../../puller/hosts/registry-host.js";
import { openLocalStore } from "../../../../puller/index.js";
import { pullImage } from "../../../../puller/pull/pull-image.js";
import type { HeadStarts } from "../../../../puller/pull/registry-with-mirrors.js";
import { ScriptedRegistry } from "../../../helpers/scripted-registry.js";
import { smallImage, type SmallImage } from "../../../helpers/small-image.js";
import { StateRoot } from "../../../helpers/state-root.js";

/** For mirrors that hang; a busy machine must not take an honest one for such. */
export const IMPATIENT = {
  connectTimeout: 300,
  pingTimeout: 300,
  headersTimeout: 300,
  idleTimeout: 300,
  lowSpeedTime: 300,
};

/** However slow this machine is, only a host that fails makes the next one be asked. */
export const PATIENT: HeadStarts = {
  over: async (_, signal) => {
    if (!signal.aborted) await once(signal, "abort");
  },
};

const NAME = "reg.example/team/app:1";

/** A registry and two mirrors that all have the same image of two layers, and a store to pull it into. */
export class MirroredPull {
  readonly state = new StateRoot();
  readonly notes: string[] = [];
  headStarts = PATIENT;

  private constructor(
    readonly mirror: ScriptedRegistry,
    readonly second: ScriptedRegistry,
    readonly origin: ScriptedRegistry,
    public image: SmallImage,
  ) {
    mirror.image = second.image = origin.image = image;
  }

  static async start(): Promise<MirroredPull> {
    const noise = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * i * 7919) % 251));
    const image = await smallImage([[{ name: "base", content: "1" }], [{ name: "big", content: noise }]]);
    const start = (): Promise<ScriptedRegistry> => new ScriptedRegistry().start();
    return new MirroredPull(await start(), await start(), await start(), image);
  }

  async stop(): Promise<void> {
    await Promise.all([this.mirror, this.second, this.origin].map((registry) => registry.stop()));
    await this.state.remove();
  }

  /** The larger layer. */
  get big(): Digest {
    return this.image.layers[1]?.digest as Digest;
  }

  asMirror(
    { address }: ScriptedRegistry,
    capabilities: Capability[] = ["pull", "resolve"],
    times: Partial<typeof IMPATIENT> = {},
  ): RegistryHost {
    const limits = { attempts: 1, baseDelay: 5, longestRetryAfter: 0, ...times };
    return {
      client: { registry: address, endpoint: `http://${address}/v2`, namespace: "reg.example", limits },
      capabilities: new Set(capabilities),
    };
  }

  asOrigin({ address }: ScriptedRegistry): RegistryHost {
    return {
      client: { registry: address, limits: { attempts: 2, baseDelay: 5 } },
      capabilities: new Set(["pull", "resolve", "push"]),
    };
  }

  pull(hosts = [this.asMirror(this.mirror), this.asOrigin(this.origin)], name = NAME): Promise<{ id: string }> {
    return pullImage(this.state.root, parseReference(name), {
      hosts,
      headStarts: this.headStarts,
      onNote: (note) => this.notes.push(note),
    });
  }

  /** For mirrors that hang. */
  pullImpatiently(): Promise<{ id: string }> {
    return this.pull([this.asMirror(this.mirror, ["pull", "resolve"], IMPATIENT), this.asOrigin(this.origin)]);
  }

  /** The right bytes, layer by layer: their digests have been checked, and nothing else is in the store. */
  isWhole(): void {
    const store = openLocalStore(this.state.root);
    assert.equal(store.images.find(NAME).id, this.image.config);
    for (const { digest } of this.image.layers) {
      assert.equal(store.content.size(digest), this.image.blobs.get(digest)?.byteLength);
    }
    assert.equal(this.state.directories().length, this.image.layers.length);
  }
}

export function asked(registry: ScriptedRegistry, what: string): string[] {
  return registry.requests.filter((line) => line.includes(what));
}
