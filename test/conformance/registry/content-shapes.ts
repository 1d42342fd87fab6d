import type { Digest } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { contentOf, descriptorOf, type Described } from "../../integration/registry/support/content.js";
import { ContentBundle, EXAMPLE_TYPE, OTHER_TYPE, unique } from "./content-bundle.js";

/** What a registry may be given to keep. Each makes new content, so that no two runs share any. */
export const SHAPES: Readonly<Record<string, () => ContentBundle>> = {
  image: () => made((bundle) => bundle.image({ tag: "image" })),

  "image with uncompressed layers": () =>
    made((bundle) => {
      const layers = [bundle.blob(MediaType.ociLayer), bundle.blob(MediaType.ociLayer)];
      bundle.image({ tag: "uncompressed", layers: layers.map(descriptorOf) });
    }),

  "docker image": () =>
    made((bundle) => {
      const config = bundle.blob(MediaType.dockerConfig, `{"id":"${unique()}"}`);
      const layers = [descriptorOf(bundle.blob(MediaType.dockerLayerGzip))];
      bundle.document(MediaType.dockerManifest, { tag: "docker", config: descriptorOf(config), layers });
    }),

  "docker manifest list": () =>
    made((bundle) => {
      const manifests = [descriptorOf(bundle.image())];
      bundle.document(MediaType.dockerManifestList, { tag: "docker-list", manifests });
    }),

  "large manifest": () =>
    made((bundle) => {
      const annotations: Record<string, string> = {};
      for (let i = 0; i < 390; i++) annotations[`large-${String(i)}`] = "A".repeat(10_000);
      bundle.image({ tag: "large", annotations });
    }),

  index: () => made((bundle) => bundle.index([bundle.image(), bundle.image()], { tag: "index" })),

  "index of indexes": () =>
    made((bundle) => {
      const inner = [1, 2].map(() => bundle.index([bundle.image(), bundle.image()]));
      bundle.index(inner, { tag: "nested" });
    }),

  "empty index": () => made((bundle) => bundle.index([], { tag: "empty", annotations: { id: unique() } })),

  artifact: () => made((bundle) => bundle.artifact({ tag: "artifact" })),

  "index of artifacts": () =>
    made((bundle) =>
      bundle.index([bundle.artifact(), bundle.artifact()], { tag: "artifacts", artifactType: OTHER_TYPE }),
    ),

  "artifact without content": () =>
    made((bundle) => {
      const layers = [descriptorOf(bundle.blob(MediaType.ociEmpty, "{}"))];
      bundle.artifact({ tag: "contentless", layers, annotations: { id: unique() } });
    }),

  "image with signatures and other artifacts": () =>
    made((bundle) => {
      const subject = reference(bundle.image({ tag: "subject" }));
      bundle.image({ subject });
      bundle.artifact({ subject, tag: "first", annotations: { id: unique() } });
      bundle.artifact({ subject, tag: "second", artifactType: OTHER_TYPE, annotations: { id: unique() } });
    }),

  "index with an index as its referrer": () =>
    made((bundle) => {
      const subject = reference(bundle.index([bundle.image(), bundle.image()], { tag: "subject-index" }));
      const parts = [1, 2].map(() => bundle.artifact({ subject }));
      bundle.index(parts, {
        subject,
        tag: "referring-index",
        artifactType: EXAMPLE_TYPE,
        annotations: { id: unique() },
      });
    }),

  "artifact whose subject is missing": () =>
    made((bundle) => {
      const subject = { mediaType: MediaType.ociManifest, digest: contentOf(unique()).digest, size: 123 };
      bundle.artifact({ subject, tag: "orphan", annotations: { id: unique() } });
    }),

  "descriptors that carry their data": () =>
    made((bundle) => {
      const [config, layer] = [
        bundle.blob(MediaType.ociConfig, `{"id":"${unique()}"}`),
        bundle.blob(MediaType.ociLayer),
      ];
      const inline = (blob: Described): object => ({ ...descriptorOf(blob), data: blob.bytes.toString("base64") });
      bundle.image({ tag: "data", config: inline(config), layers: [inline(layer)] });
    }),

  "layers that may not be distributed": () =>
    made((bundle) => {
      const foreign = [MediaType.ociForeignLayerGzip, MediaType.ociForeignLayer, MediaType.dockerForeignLayerGzip];
      const layers = foreign.map((mediaType) => {
        const { digest } = contentOf(unique());
        return { mediaType, digest, size: 123_456, urls: [`https://store.example.com/${digest}`] };
      });
      bundle.image({ tag: "foreign", layers: [...layers, descriptorOf(bundle.blob(MediaType.ociLayerGzip))] });
    }),

  "fields of no specification": () =>
    made((bundle) => {
      const extra = { [`org.example.${unique()}`]: { nested: [1, null] } };
      bundle.index([bundle.image(extra), bundle.image(extra)], { tag: "custom", ...extra });
    }),

  "image without layers": () => made((bundle) => bundle.image({ tag: "no-layers", layers: [] })),

  "unknown media type": () =>
    made((bundle) => {
      bundle.document("application/vnd.example.thing.v1+json", {
        tag: "thing",
        anything: [unique(), { digest: "none" }],
      });
    }),

  "unknown media type with a subject": () =>
    made((bundle) => {
      const subject = reference(bundle.image());
      bundle.document("application/vnd.example.note.v1+json", { tag: "note", subject, artifactType: OTHER_TYPE });
    }),

  "everything under sha512": () => made((bundle) => bundle.index([bundle.image(), bundle.image()]), "sha512"),
};

/** Under which every manifest is pushed by digest together with its tags. */
export const TAGGED_BY_QUERY: Readonly<Record<string, () => ContentBundle>> = {
  sha256: () => manyTags(made((bundle) => bundle.index([bundle.image(), bundle.image()], { tag: "query-256" }))),
  sha512: () =>
    manyTags(made((bundle) => bundle.index([bundle.image(), bundle.image()], { tag: "query-512" }), "sha512")),
};

function made(fill: (bundle: ContentBundle) => void, algorithm: "sha256" | "sha512" = "sha256"): ContentBundle {
  const bundle = new ContentBundle(algorithm);
  fill(bundle);
  return bundle;
}

/** distribution-spec, "Pushing Manifests": "SHOULD support pushing at least 10 tags per request". */
function manyTags(bundle: ContentBundle): ContentBundle {
  const last = bundle.manifests.at(-1);
  for (const [i, { digest }] of bundle.manifests.entries()) bundle.tags.set(`${bundle.algorithm}-${String(i)}`, digest);
  if (last === undefined) return bundle;
  for (let i = 0; i < 10; i++) bundle.tags.set(`many-${bundle.algorithm}-${String(i)}`, last.digest);
  return bundle;
}

function reference(manifest: Described): { digest: Digest } {
  return { ...descriptorOf(manifest), digest: manifest.digest };
}
