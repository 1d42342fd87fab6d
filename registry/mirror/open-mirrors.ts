import type { MirrorSettings } from "../config/mirrors-section.js";
import type { Detour, Guard } from "../http/routes.js";
import type { MirrorParts } from "./mirrors.js";

/** What the mirrors, if there are any, add to a registry. */
export interface OpenMirrors {
  /** To run before all others. */
  readonly guards: readonly Guard[];
  readonly detour: Detour | undefined;
  close(): Promise<void>;
}

/** The wire client and all that belongs to it are loaded only where there are upstreams. @throws BerthError CONFIG_INVALID */
export async function openMirrors(settings: MirrorSettings | undefined, parts: MirrorParts): Promise<OpenMirrors> {
  if (settings === undefined || settings.upstreams.length === 0) {
    return { guards: [], detour: undefined, close: () => Promise.resolve() };
  }
  const { Mirrors } = await import("./mirrors.js");
  const mirrors = new Mirrors(settings, parts);
  return {
    guards: [mirrors.guard],
    detour: mirrors.detour,
    close: async () => {
      await mirrors.close();
    },
  };
}
