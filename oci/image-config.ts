import { parseDigest, type Digest } from "./digest.js";
import { BerthError } from "./errors.js";

/** image-spec, config.md: the JSON whose digest is the image ID. Field names are the specification's. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: ContainerDefaults;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}

/** What a container of the image starts with unless told otherwise. */
export interface ContainerDefaults {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** @throws BerthError CONFIG_INVALID */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new BerthError("CONFIG_INVALID", "invalid image config: it is not JSON", { cause });
  }
  const config = json as Partial<ImageConfig> | null;
  const diffIds: unknown = config?.rootfs?.diff_ids;
  if (config?.rootfs?.type !== "layers" || !Array.isArray(diffIds)) {
    throw new BerthError("CONFIG_INVALID", "invalid image config: rootfs has no list of diff_ids");
  }
  for (const [i, diffId] of diffIds.entries()) {
    try {
      parseDigest(String(diffId));
    } catch (cause) {
      throw new BerthError("CONFIG_INVALID", `invalid image config: rootfs.diff_ids[${String(i)}] is not a digest`, {
        cause,
      });
    }
  }
  return { ...config, os: config.os ?? "linux", architecture: config.architecture ?? "amd64" } as ImageConfig;
}
