import { parsePlatform } from "../../oci/platform.js";
import { familiarReference, parseReference } from "../../oci/reference.js";
import { registryHosts } from "../../puller/hosts/registry-hosts.js";
import { pullImage } from "../../puller/pull/pull-image.js";
import { interruptible } from "../interruptible.js";
import { debugNote } from "../output/debug-note.js";
import { LayerBars, PULL_WORDS } from "../output/layer-bars.js";

/** A pull on the way to a container: everything goes to standard error, for standard output is the container's. */
export async function pullWithBars(root: string, image: string, platform: string | undefined): Promise<void> {
  const reference = parseReference(image);
  const bars = new LayerBars(process.stderr, PULL_WORDS);
  const hosts = await registryHosts(reference);
  await interruptible((signal) =>
    pullImage(root, reference, {
      hosts,
      signal,
      onNote: debugNote,
      ...(platform !== undefined && { platform: parsePlatform(platform) }),
      onProgress: (progress) => {
        bars.update(progress);
      },
    }),
  ).finally(() => {
    bars.end();
  });
  process.stderr.write(`Status: Downloaded newer image for ${familiarReference(reference)}\n`);
}
