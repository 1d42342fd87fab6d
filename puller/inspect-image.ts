import type { ContainerDefaults } from "../oci/image-config.js";
import type { Image, LocalStore } from "./store/local-store-contract.js";

/** `docker image inspect`, in Docker's field names. */
export interface ImageInspection {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  readonly Created: string;
  readonly Author: string;
  readonly Config: ContainerDefaults;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly Size: number;
  readonly VirtualSize: number;
  readonly GraphDriver: { readonly Name: "overlay2"; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: "layers"; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
}

// Docker names what an image leaves open, too, and templates ask for it.
const UNSET: ContainerDefaults = {
  User: "",
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  Labels: null,
};

// Go's zero time, which Docker prints for "never".
const NEVER = "0001-01-01T00:00:00Z";

export function inspectImage(store: LocalStore, image: Image): ImageInspection {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? NEVER,
    Author: config.author ?? "",
    Config: { ...UNSET, ...config.config },
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Name: "overlay2", Data: graphDriverData(store, image) },
    RootFS: {
      Type: "layers",
      ...(config.rootfs.diff_ids.length > 0 && { Layers: config.rootfs.diff_ids }),
    },
    Metadata: { LastTagTime: image.lastTagTime ?? NEVER },
  };
}

/** Where the image's files are: LowerDir has the layers below the top one, topmost first, absent for a single layer. */
function graphDriverData(store: LocalStore, image: Image): Record<string, string> | null {
  const stack = store.layers.stack(image);
  const top = stack.pop();
  if (top === undefined) return null;
  const paths = store.overlay.paths(top.cacheId);
  const lower = stack.toReversed().map((layer) => store.overlay.paths(layer.cacheId).diff);
  return {
    ...(lower.length > 0 && { LowerDir: lower.join(":") }),
    MergedDir: paths.merged,
    UpperDir: paths.diff,
    WorkDir: paths.work,
  };
}
