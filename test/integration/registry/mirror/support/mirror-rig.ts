import { setTimeout as sleep } from "node:timers/promises";

import * as v from "valibot";

import { parseDigest } from "../../../../../oci/digest.js";
import { mirrorsSection, type MirrorSettings } from "../../../../../registry/config/mirrors-section.js";
import type { RegistryOptions } from "../../../../../registry/index.js";
import { BlobStore } from "../../../../../registry/storage/blob-store.js";
import { FilesystemObjectStore } from "../../../../../storage/filesystem/filesystem-object-store.js";
import { ScriptedRegistry } from "../../../../helpers/scripted-registry.js";
import { imageOfTars, smallImage, type SmallImage } from "../../../../helpers/small-image.js";
import { TestRegistry } from "../../support/test-registry.js";

/** As the configuration file would give it. */
export function mirrorSettings(settings: object): MirrorSettings {
  return v.parse(mirrorsSection, settings);
}

/** A mirror of one upstream called `up`, which believes nothing for longer than it must. */
export async function mirrorOf(
  url: string,
  upstream: object = {},
  options: Partial<RegistryOptions> = {},
): Promise<TestRegistry> {
  const one = { name: "up", url, tagFreshSeconds: 0, negativeSeconds: 0, ...upstream };
  return await TestRegistry.start({ mirrors: mirrorSettings({ upstreams: [one] }), ...options });
}

/** An upstream that does what a test tells it to, and a mirror of it. */
export class MirrorRig {
  private constructor(
    readonly upstream: ScriptedRegistry,
    readonly image: SmallImage,
    readonly mirror: TestRegistry,
  ) {}

  /** @param options.layer bytes of the one layer before compression, random when absent */
  static async start(
    options: {
      readonly upstream?: object;
      readonly registry?: Partial<RegistryOptions>;
      readonly layer?: Uint8Array;
    } = {},
  ): Promise<MirrorRig> {
    const upstream = await new ScriptedRegistry().start();
    const { layer } = options;
    const image =
      layer === undefined ? await smallImage([[{ name: "hello", content: "hello" }]]) : imageOfTars([layer]);
    upstream.image = image;
    const url = `http://${upstream.address}`;
    return new MirrorRig(upstream, image, await mirrorOf(url, options.upstream, options.registry));
  }

  /** The digest of the one layer. */
  get layer(): string {
    return this.image.layers[0]?.digest ?? "";
  }

  /** The layer as it is sent. */
  get layerBytes(): Buffer {
    const layer = this.image.layers[0];
    return Buffer.from((layer && this.image.blobs.get(layer.digest)) ?? []);
  }

  get layerPath(): string {
    return `/v2/up/team/app/blobs/${this.layer}`;
  }

  /**
   * Resolves when the store of files below `root` has the layer, which may be a while after its clients have it, and after its
   * first traces are there.
   */
  async untilKept(root = this.mirror.directory): Promise<void> {
    const store = await FilesystemObjectStore.open(root);
    const isKept = async (): Promise<boolean> =>
      await new BlobStore(store).stat("_up/team/app", parseDigest(this.layer)).then(
        () => true,
        () => false,
      );
    while (!(await isKept())) await sleep(10);
    await store.close();
  }

  /** How many requests of that kind the upstream has seen. */
  count(method: string, part: string): number {
    return this.upstream.requests.filter((line) => line.startsWith(`${method} `) && line.includes(part)).length;
  }

  async stop(): Promise<void> {
    try {
      await this.mirror.stop();
    } finally {
      await this.upstream.stop();
    }
  }
}
