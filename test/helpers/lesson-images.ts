import { join } from "node:path";

import type { BerthHost } from "./berth-host.js";
import { buildBusyboxRootfs } from "./busybox-rootfs.js";

/** Makes the image `reference` of a busybox root filesystem, whose command is sh as the real one's, in the host's local store. */
export async function importBusybox(host: BerthHost, reference: string): Promise<void> {
  const rootfs = join(host.directory, "busybox-rootfs");
  await buildBusyboxRootfs(rootfs);
  host.run("import", "--change", 'CMD ["sh"]', rootfs, reference);
}
